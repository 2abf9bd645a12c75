"""Routes that are asked thousands of times a second, served ahead of the framework: docs/adr/0009.

What else a route declares, and the framework's own layers and matching, cost as much as the row that such a route
reads. It reads its parameters by hand, says them in `openapi_extra`, and answers errors as every other route does.
"""

import re
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.common.access import Requires

ERROR = "guanxi.error"
NAMED = re.compile(r"\(\?P<\w+>")

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class HotRoute(APIRoute):
    """Its permission is required, the request handed over, no more."""

    def get_route_handler(self) -> Handler:
        (permission,) = [d.call for d in self.dependant.dependencies if isinstance(d.call, Requires)]
        endpoint = self.endpoint

        async def handle(request: Request) -> Response:
            await permission(request)
            return cast("Response", await endpoint(request))

        return handle


def ahead(api: FastAPI) -> ASGIApp:
    """The API, with its hot routes served first: each where no route that stands before it has the path."""
    found, before = [], list[str]()
    for route in iter_route_contexts(api.routes):
        pattern = compile_path(str(route.path))[0]
        if isinstance(route.original_route, HotRoute):
            found.append(_Hot(pattern, re.compile("|".join(before)) if before else None, route))
        else:
            before.append(NAMED.sub("(?:", pattern.pattern))
    return _Ahead(api, found) if found else api


class _Hot:
    def __init__(self, pattern: re.Pattern[str], others: re.Pattern[str] | None, route: Any) -> None:
        self._pattern, self._others, self.route = pattern, others, route
        self.handle: Handler = route.original_route.get_route_handler()

    def match(self, scope: Scope) -> re.Match[str] | None:
        path = scope["path"]
        if scope["method"] not in self.route.methods or (self._others and self._others.match(path)):
            return None
        return self._pattern.match(path)


class _Ahead:
    def __init__(self, api: FastAPI, routes: Sequence[_Hot]) -> None:
        self._api, self._routes = api, routes
        handlers = dict(api.exception_handlers)
        unexpected = handlers.pop(Exception)
        self._errors = ServerErrorMiddleware(ExceptionMiddleware(_raise, handlers=handlers), handler=unexpected)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for hot in self._routes if scope["type"] == "http" else ():
            if found := hot.match(scope):
                scope.update(app=self._api, route=hot.route, path_params=found.groupdict())
                await self._serve(hot.handle, scope, receive, send)
                return
        await self._api(scope, receive, send)

    async def _serve(self, handle: Handler, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await handle(Request(scope, receive, send))
        except Exception as error:  # noqa: BLE001 - the framework's own layers say what becomes of it
            await self._errors({**scope, ERROR: error}, receive, send)
        else:
            await answer(scope, receive, send)


async def _raise(scope: Scope, _receive: Receive, _send: Send) -> None:
    raise scope[ERROR]
