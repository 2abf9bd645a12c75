"""Routes that are asked thousands of times a second, served ahead of the framework: docs/adr/0009.

What else a route declares, and the framework's own layers and matching, cost as much as the row that such a route
reads. It reads its parameters by hand, says them in `openapi_extra`, and answers errors as every other route does.
"""

from collections.abc import Callable, Coroutine, Sequence
from itertools import takewhile
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.common.access import Requires

ERROR = "guanxi.error"

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
    """The API, with the hot routes that stand before all its others served first."""
    found = list(takewhile(lambda route: isinstance(route.original_route, HotRoute), iter_route_contexts(api.routes)))
    return _Ahead(api, found) if found else api


class _Ahead:
    def __init__(self, api: FastAPI, routes: Sequence[Any]) -> None:
        self._api = api
        self._routes = [
            (compile_path(route.path)[0], route.methods, route, route.original_route.get_route_handler())
            for route in routes
        ]
        handlers = dict(api.exception_handlers)
        unexpected = handlers.pop(Exception)
        self._errors = ServerErrorMiddleware(ExceptionMiddleware(_raise, handlers=handlers), handler=unexpected)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        for pattern, methods, route, handle in self._routes if scope["type"] == "http" else ():
            if scope["method"] in methods and (found := pattern.match(scope["path"])):
                scope.update(app=self._api, route=route, path_params=found.groupdict())
                await self._serve(handle, scope, receive, send)
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
