"""Connections for hot reads: a few, waited for with a limit, and none is kept that came to no good end."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from libs.common import connections as of_driver
from libs.common.connections import DRIVER_ERRORS, Connections
from tests.conftest import Ground
from tests.libs.common.probe import Probe
from tests.polling import until

MOST, SECONDS = 2, 0.5
BACKEND = "SELECT pg_backend_pid()"


@pytest.fixture
async def connections(ground: Ground, probe: Probe) -> AsyncIterator[Connections]:  # noqa: ARG001 - it made the database
    opened = Connections(ground.url("probe", "app"), MOST, SECONDS)
    yield opened
    await opened.close()


async def backend(connections: Connections) -> int:
    return int((await connections.fetch(BACKEND, []))[0][0])


async def in_use(connections: Connections, count: int) -> bool:
    return connections.used == count


async def test_a_connection_is_used_again(connections: Connections) -> None:
    assert len({await backend(connections) for _ in range(5)}) == 1


async def test_at_most_so_many_at_once(connections: Connections) -> None:
    asked = [connections.fetch("SELECT pg_backend_pid(), pg_sleep(0.05)", []) for _ in range(3 * MOST)]
    assert len({rows[0][0] for rows in await asyncio.gather(*asked)}) == MOST


async def test_waiting_for_one_has_an_end(connections: Connections) -> None:
    busy = [asyncio.create_task(connections.fetch("SELECT pg_sleep($1)", [3 * SECONDS])) for _ in range(MOST)]
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        await connections.fetch("SELECT 1", [])
    await asyncio.gather(*busy)
    assert await backend(connections)


async def test_an_error_of_a_statement_costs_nothing(connections: Connections) -> None:
    first = await backend(connections)
    for _ in range(2 * MOST):
        with pytest.raises(asyncpg.DivisionByZeroError):
            await connections.fetch("SELECT 1 / $1::int", [0])
    assert await backend(connections) == first


async def test_who_gives_up_leaves_nothing_to_the_next(connections: Connections) -> None:
    slow = "SELECT 'old' FROM pg_sleep(60)"
    for _ in range(3 * MOST):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connections.fetch(slow, []), 0.05)
    assert [row[0] for row in await connections.fetch("SELECT 'new'", [])] == ["new"]
    running = "SELECT count(*) FROM pg_stat_activity WHERE query = $1 AND state = 'active'"

    async def the_server_gave_up_too() -> bool:
        return (await connections.fetch(running, [slow]))[0][0] == 0

    await until(the_server_gave_up_too, seconds=40)  # before it ends by itself
    await until(lambda: in_use(connections, 0))


async def test_how_many_are_in_use_is_known(connections: Connections) -> None:
    busy = [asyncio.create_task(connections.fetch("SELECT pg_sleep(0.2)", [])) for _ in range(MOST)]
    await asyncio.sleep(0)
    assert (connections.used, connections.idle) == (MOST, 0)
    await asyncio.gather(*busy)
    assert (connections.used, connections.idle) == (0, MOST)


async def test_one_that_rested_for_long_is_not_used(connections: Connections, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await backend(connections)
    monkeypatch.setattr(of_driver, "IDLE_SECONDS", 0.0)
    assert await backend(connections) != first


async def test_what_is_given_back_after_the_end_is_ended(connections: Connections) -> None:
    late = asyncio.create_task(connections.fetch("SELECT pg_backend_pid(), pg_sleep(0.2)", []))
    await asyncio.sleep(0)
    await connections.close()
    assert await late
    assert connections.idle == 0


async def test_what_the_server_closed_is_not_used(ground: Ground, connections: Connections) -> None:
    closed = await backend(connections)
    owner = await asyncpg.connect(ground.url("probe", "app"))
    await owner.execute("SELECT pg_terminate_backend($1)", closed)

    async with asyncio.timeout(10):
        while True:  # until the end of the connection is heard of here, a statement may still meet it
            try:
                assert await backend(connections) != closed
            except DRIVER_ERRORS:
                continue
            break
    await owner.close()
