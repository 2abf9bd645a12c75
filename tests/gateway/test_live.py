"""The services asked live: whatever one of them answers, or does not, the view is told with a state for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import httpx
import pytest
from aiohttp import web

from bench.proxy import proxy_to
from gateway import main as gateway
from gateway.settings import GatewaySettings, Upstream
from guanxi.local.issuer import ISSUER
from libs.contracts.catalogue import REFERENCES, SECTIONS
from tests.conftest import Ground

SERVICES = ("customer", "manager", "marketing", "complaints", "scoring")


@asynccontextmanager
async def answering(status: int, body: bytes, *, never: bool = False) -> AsyncIterator[int]:
    async def answer(_request: web.Request) -> web.Response:
        if never:
            await asyncio.Event().wait()
        return web.Response(status=status, body=body, content_type="application/json")

    app = web.Application()
    app.router.add_route("GET", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "body", "never", "state"),
    [
        (200, b'{"name": "x"}', False, "ok"),
        (200, b"null", False, "missing"),
        (404, b"{}", False, "missing"),
        (403, b"{}", False, "forbidden"),
        (503, b"{}", False, "unavailable"),
        (520, b"nobody knows this one", False, "unavailable"),
        (200, b"\xff\xfe\xff", False, "unavailable"),
        (200, b'{"name": "x"}', True, "unavailable"),
    ],
)
async def test_a_services_answer_is_a_state_of_its_section(
    ground: Ground, status: int, body: bytes, *, never: bool, state: str
) -> None:
    async with answering(status, body, never=never) as port:
        seen, strange = await asked_live(ground, port, 0.3 if never else 5.0)
    assert seen.status_code == 200, seen.text
    assert {name: section["state"] for name, section in seen.json()["sections"].items()} == dict.fromkeys(
        SECTIONS, state
    )
    assert strange.status_code == 404


async def test_a_connection_that_breaks_is_no_service_that_is_away(ground: Ground) -> None:
    async with answering(200, b'{"name": "x"}') as port, proxy_to(port) as proxy:
        proxy.breaks = 1
        seen, _ = await asked_live(ground, proxy.port, 5.0)
        assert {section["state"] for section in seen.json()["sections"].values()} == {"ok"}
        assert proxy.taken > len(SECTIONS), "one was asked once more"


async def asked_live(ground: Ground, port: int, seconds: float) -> tuple[httpx.Response, httpx.Response]:
    """Of a customer within reach, and of one beyond it; every service is behind this port."""
    at = Upstream(**dict.fromkeys(("public", "internal", "management"), f"http://127.0.0.1:{port}"))
    await ground.migrate("viewed", "gateway")
    settings = ground.settings("viewed", GatewaySettings, upstreams=dict.fromkeys(SERVICES, at), live_timeout=seconds)
    app = gateway.app(settings)  # type: ignore[arg-type] # the gateway's own
    branch, near, far, login = uuid4(), uuid4(), uuid4(), str(uuid4())
    await _known(ground, login, branch, near)
    headers = {"Authorization": f"Bearer {ground.issuer.token(login, ['teller'])}"}
    transport = httpx.ASGITransport(app.public, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
        answers = [await client.get(f"/api/v1/customers/{id_}/360?consistency=live") for id_ in (near, far)]
    await app.close()
    return answers[0], answers[1]


async def _known(ground: Ground, login: str, branch: object, customer: object) -> None:
    owner = await asyncpg.connect(ground.url("viewed", "owner"))
    await owner.execute(
        "INSERT INTO directory.staff (staff_id, version, changed_at, unit_ids, roles, logins, active)"
        " VALUES ($1, 1, now(), $2, '{teller}', $3, true)",
        uuid4(), [branch], [f"{ISSUER} {login}"],
    )  # fmt: skip
    await owner.execute(
        "INSERT INTO directory.customers (customer_id, version, changed_at, status, kind, home_unit_id, canonical_id)"
        " VALUES ($1, 1, now(), 'active', 'person', $2, $1)",
        customer, branch,
    )  # fmt: skip
    await owner.executemany(
        "INSERT INTO directory.watermarks VALUES ($1, 0, now())"
        " ON CONFLICT (topic, partition) DO UPDATE SET as_of = excluded.as_of",
        [(topic.name,) for topic in REFERENCES],
    )
    await owner.close()
