"""A hot route answers as it would within the framework's own layers, errors among it."""

from collections.abc import AsyncIterator, MutableMapping

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response

from libs.common.access import requires
from libs.common.app import new_api
from libs.common.domain import Conflict, InvalidValue, NotFound
from libs.common.edge import Edge
from libs.common.hot import HotRoute, ahead
from libs.common.problems import Problem
from tests.conftest import Ground
from tests.libs.common.probe import Probe

ERRORS = {
    "problem": Problem(400, "So it is.", headers={"Retry-After": "7"}),  # type: ignore[arg-type] # as a status
    "hidden": NotFound.thing("thing"),
    "conflict": Conflict("No."),
    "invalid": InvalidValue("name", "Wrong."),
    "busy": TimeoutError(),
    "unexpected": ZeroDivisionError(),
}


def _api(probe: Probe) -> FastAPI:
    hot, plain = APIRouter(prefix="/api/v1/hot", route_class=HotRoute), APIRouter()

    @hot.get("/{thing}/read", dependencies=[requires("things:read")])  # noqa: FAST003 - it reads them by hand
    async def read(request: Request) -> Response:
        thing = request.path_params["thing"]
        if thing in ERRORS:
            raise ERRORS[thing]
        return Response(f"{thing} {request.query_params.get('q')}")

    @plain.get("/api/v1/hot/{thing}/other", dependencies=[requires("things:read")])
    async def other(thing: str) -> str:
        return thing

    last = APIRouter(prefix="/api/v1", route_class=HotRoute)

    @last.get("/{path:path}", dependencies=[requires("things:read")])  # noqa: FAST003 - it reads them by hand
    async def rest(request: Request) -> Response:
        return Response(f"rest {request.path_params['path']}")

    return new_api(probe.app.chassis, "hot", [hot, plain, last])


@pytest.fixture
async def both(ground: Ground, probe: Probe) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """The same API, with its hot route ahead and without."""
    api, settings, trail = _api(probe), probe.app.chassis.settings, probe.app.chassis.trail
    headers = {"Authorization": f"Bearer {ground.issuer.token('t', ['things:read'])}"}
    ways = [httpx.ASGITransport(Edge(way, settings, trail), raise_app_exceptions=False) for way in (ahead(api), api)]
    async with (
        httpx.AsyncClient(transport=ways[0], base_url="http://hot", headers=headers) as hot,
        httpx.AsyncClient(transport=ways[1], base_url="http://hot", headers=headers) as plain,
    ):
        yield hot, plain


def said(answer: httpx.Response) -> tuple[int, dict[str, str], object]:
    headers = {name: value for name, value in answer.headers.items() if name != "guanxi-trace"}
    is_problem = answer.content and answer.headers.get("content-type") == "application/problem+json"
    body = {**answer.json(), "trace_id": ""} if is_problem else answer.text
    return answer.status_code, headers, body


@pytest.mark.parametrize(
    "path",
    [*[f"{name}/read" for name in ERRORS], "张/read?q=1%20a", "a/other", "a/none", "read", "a/other/", "../else"],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_it_answers_alike(both: tuple[httpx.AsyncClient, ...], method: str, path: str) -> None:
    hot, plain = [await client.request(method, f"/api/v1/hot/{path}") for client in both]
    first, second = said(hot), said(plain)
    for headers in (first[1], second[1]):
        headers.pop("content-length", None)
        headers.pop("ratelimit", None)
    assert first == second


async def test_it_is_served_ahead(both: tuple[httpx.AsyncClient, ...], probe: Probe) -> None:
    assert (await both[0].get("/api/v1/hot/a/read", params={"q": "b"})).text == "a b"
    assert not isinstance(ahead(_api(probe)), FastAPI)
    assert isinstance(ahead(new_api(probe.app.chassis, "cold", [])), FastAPI)


async def test_a_stranger_is_refused_there_too(both: tuple[httpx.AsyncClient, ...]) -> None:
    for client in both:
        answer = await client.get("/api/v1/hot/a/read", headers={"Authorization": "Bearer x"})
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_what_is_no_http_goes_on_to_the_framework(probe: Probe) -> None:
    said: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    async def send(message: MutableMapping[str, object]) -> None:
        said.append(dict(message))

    scope = {"type": "websocket", "path": "/api/v1/hot/a/read", "headers": [], "query_string": b"", "subprotocols": []}
    await ahead(_api(probe))(scope, receive, send)
    assert [message["type"] for message in said] == ["websocket.close"]
