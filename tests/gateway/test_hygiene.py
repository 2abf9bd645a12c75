"""What of a request reaches a service, and what of its answer comes back: a list of headers each, nothing else."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from gateway import main as gateway
from gateway.settings import GatewaySettings, Upstream
from libs.common.clients import origin_told
from libs.common.clock import Clock
from libs.common.keyring import KeyRing
from tests.conftest import Ground

ITS_OWN = {"Set-Cookie": "a=b", "X-Internal": "10.0.0.3", "Keep-Alive": "timeout=5", "ETag": '"7"', "Retry-After": "3"}
INVENTED = {
    "X-User": "admin",
    "X-Forwarded-User": "admin",
    "X-Forwarded-For": "203.0.113.9",
    "Forwarded": "for=203.0.113.9",
    "Guanxi-Client": "forged",
    "Connection": "x-hop",
    "X-Hop": "1",
    "Proxy-Authorization": "Basic eA==",
    "TE": "trailers",
    "Cookie": "session=1",
}


async def echo(request: web.Request) -> web.Response:
    if request.headers.get("If-None-Match") == ITS_OWN["ETag"]:
        return web.Response(status=304, headers=ITS_OWN)
    return web.json_response({name.lower(): value for name, value in request.headers.items()}, headers=ITS_OWN)


@pytest.fixture
async def upstream() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def client(ground: Ground, upstream: str) -> AsyncIterator[httpx.AsyncClient]:
    await ground.migrate("gateway", "gateway")
    at = Upstream(**dict.fromkeys(("public", "internal", "management"), upstream))
    settings = ground.settings("gateway", GatewaySettings, upstreams={"complaints": at})
    assert isinstance(settings, GatewaySettings)
    app = gateway.app(settings)
    transport = httpx.ASGITransport(app.public, client=("198.51.100.4", 4711))
    headers = {"Authorization": f"Bearer {ground.issuer.token('somebody', ['manager'])}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as opened:
        yield opened
    await app.close()


async def test_nothing_that_a_caller_makes_up_reaches_a_service(client: httpx.AsyncClient, ground: Ground) -> None:
    answer = await client.get("/api/v1/complaints", headers={**INVENTED, "Guanxi-Reason": "why", "If-Match": '"1"'})
    reached = json.loads(answer.content)
    told = {name.lower() for name in INVENTED}
    assert {name for name in told & reached.keys() if reached[name] in INVENTED.values()} == set()
    assert told & reached.keys() <= {"guanxi-client", "connection"}
    assert (reached["guanxi-reason"], reached["if-match"]) == ("why", '"1"')
    assert reached["authorization"] == client.headers["Authorization"]
    ring = KeyRing.load(ground.settings("gateway").shared_keyring)
    assert origin_told(ring, reached["guanxi-client"], Clock()) == "198.51.100.4", "whoever asked the gateway"


async def test_a_service_tells_callers_nothing_but_what_is_listed(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/complaints")
    assert {"set-cookie", "x-internal", "keep-alive", "server"} & answer.headers.keys() == set()
    assert (answer.headers["etag"], answer.headers["retry-after"]) == ('"7"', "3")


async def test_what_a_caller_has_already_is_asked_and_answered_through(client: httpx.AsyncClient) -> None:
    known = await client.get("/api/v1/complaints", headers={"If-None-Match": ITS_OWN["ETag"]})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", ITS_OWN["ETag"])
    assert (await client.get("/api/v1/complaints", headers={"If-None-Match": '"6"'})).status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/complaints", "/api/v1/nothing", "/docs"])
async def test_every_answer_carries_what_browsers_are_to_heed(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "cache-control" in answer.headers
    assert "strict-transport-security" not in answer.headers, "it speaks no TLS"


async def test_over_tls_browsers_are_told_to_come_no_other_way(ground: Ground, tmp_path: Path) -> None:
    await ground.migrate("gateway", "gateway")
    named = {"tls_certificate": tmp_path / "tls.crt", "tls_key": tmp_path / "tls.key"}
    settings = ground.settings("gateway", GatewaySettings, upstreams={}, **named)
    assert isinstance(settings, GatewaySettings)
    app = gateway.app(settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app.public), base_url="https://gateway") as client:
        answer = await client.get("/docs")
    await app.close()
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
