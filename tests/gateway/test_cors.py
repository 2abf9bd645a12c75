"""A browser may call from the consoles that the bank lists, and from nowhere else."""

from collections.abc import AsyncIterator

import httpx
import pytest

from gateway import main as gateway
from gateway.settings import GatewaySettings
from tests.conftest import Ground

CONSOLE = "https://console.bank.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, if-match, last-event-id",
}


@pytest.fixture
async def browser(ground: Ground, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    settings = ground.settings("gateway", GatewaySettings, upstreams={}, cors_origins=request.param)
    assert isinstance(settings, GatewaySettings)
    app = gateway.app(settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app.public), base_url="http://gateway") as client:
        yield client
    await app.close()


@pytest.mark.parametrize("browser", [[CONSOLE]], indirect=True)
async def test_a_listed_console_may_call(browser: httpx.AsyncClient) -> None:
    asked = await browser.options("/api/v1/complaints", headers={"Origin": CONSOLE, **PREFLIGHT})
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == CONSOLE
    assert "if-match" in asked.headers["access-control-allow-headers"].lower()
    refused = await browser.get("/api/v1/complaints", headers={"Origin": CONSOLE})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == CONSOLE


@pytest.mark.parametrize(
    ("browser", "origin"), [([CONSOLE], "https://evil.example"), ([], CONSOLE)], indirect=["browser"]
)
async def test_nobody_else_may(browser: httpx.AsyncClient, origin: str) -> None:
    asked = await browser.options("/api/v1/complaints", headers={"Origin": origin, **PREFLIGHT})
    assert asked.status_code in (400, 401, 405)
    answer = await browser.get("/docs", headers={"Origin": origin})
    assert "access-control-allow-origin" not in answer.headers
