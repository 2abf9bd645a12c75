"""Readiness says whether the database answers, and nothing of how much there is to do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from sqlalchemy import text

from libs.common import database
from libs.common.app import management_api
from libs.common.database import Database
from tests.conftest import Ground
from tests.ports import free_port


async def health(of: Database, path: str = "/health/ready") -> httpx.Response:
    transport = httpx.ASGITransport(management_api(of))
    async with httpx.AsyncClient(transport=transport, base_url="http://probe") as client:
        return await client.get(path)


@asynccontextmanager
async def listening_only() -> AsyncIterator[int]:
    """A port at which connections are taken and nothing is ever said."""
    taken: list[asyncio.StreamWriter] = []
    async with await asyncio.start_server(lambda _reader, writer: taken.append(writer), "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for writer in taken:
            writer.close()


@pytest.mark.usefixtures("probe")
async def test_a_process_whose_connections_are_all_at_work_is_ready(ground: Ground) -> None:
    busy = Database(ground.url("probe", "app"), pool=1)
    async with AsyncExitStack() as opened:
        opened.push_async_callback(busy.close)
        connection = await opened.enter_async_context(busy.engine.connect())
        await connection.execute(text("SELECT 1"))
        answer = await health(busy)
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


@pytest.mark.usefixtures("probe")
async def test_how_many_connections_are_in_use_is_measured(ground: Ground) -> None:
    busy = Database(ground.url("probe", "app"), pool=2)
    async with AsyncExitStack() as opened:
        opened.push_async_callback(busy.close)
        async with busy.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
            await busy.fetch("SELECT 1")
            during = (await health(busy, "/metrics")).text
        after = (await health(busy, "/metrics")).text
    held = 'guanxi_database_connections{{state="{}"}} {:.1f}'.format
    assert (held("used", 1) in during, held("idle", 1) in during) == (True, True)
    assert (held("used", 0) in after, held("idle", 2) in after) == (True, True)


@pytest.mark.usefixtures("probe")
async def test_a_process_that_is_newer_than_its_tables_says_so(monkeypatch: pytest.MonkeyPatch, ground: Ground) -> None:
    monkeypatch.setattr(database, "REVISION", "SELECT '0011'")
    newer = Database(ground.url("probe", "app"))
    newer.needs = "0012"
    answer = await health(newer)
    assert answer.status_code == 503
    assert "at migration 0011, and this version needs 0012" in answer.json()["error"]


async def test_a_process_whose_database_is_away_is_not() -> None:
    answer = await health(Database(f"postgresql://app@127.0.0.1:{free_port()}/probe"))
    assert (answer.status_code, answer.json()["status"]) == (503, "not ready")


async def test_nobody_is_restarted_for_a_database_that_is_away() -> None:
    away = Database(f"postgresql://app@127.0.0.1:{free_port()}/probe")
    assert (await health(away, "/health/live")).status_code == 200


async def test_a_database_that_takes_connections_and_hangs_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "ANSWER_SECONDS", 0.2)
    async with listening_only() as port:
        answer = await health(Database(f"postgresql://app@127.0.0.1:{port}/probe?sslmode=disable"))
    assert (answer.status_code, answer.json()["error"]) == (503, "TimeoutError")
