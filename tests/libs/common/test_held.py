"""Connections that the parts of a worker keep."""

from uuid import uuid4

import asyncpg
from aiokafka import ConsumerRecord

from libs.common.collector import Collector
from libs.common.held import HeldConnection, durably
from libs.common.reader import new_reader
from libs.common.worker import run_worker
from tests.libs.common.flow import running, touch, worker
from tests.libs.common.probe import EVENTS, Probe
from tests.polling import until


async def test_what_is_collected_waits_for_the_disk_before_its_place_is_noted(probe: Probe) -> None:
    told: set[str] = set()

    async def store(connection: asyncpg.Connection, _records: list[ConsumerRecord]) -> None:
        told.add(await connection.fetchval("SHOW synchronous_commit"))

    collector = Collector(new_reader(probe.settings, f"test {uuid4()}", EVENTS.name), store)
    async with running(collector.run()), running(run_worker(worker(probe))):
        await touch(probe)

        async def collected() -> bool:
            return bool(told)

        await until(collected)
    assert told == {"on"}


async def test_what_nobody_repeats_waits_for_the_disk_over_a_connection_that_may_forget(
    probe: Probe,
) -> None:
    kept = "SELECT set_config('test.kept', current_setting('synchronous_commit'), false)"
    held = HeldConnection(probe.settings.dsn)

    async def settings(connection: asyncpg.Connection) -> tuple[str, str, str]:
        before = await connection.fetchval("SHOW synchronous_commit")
        await durably(connection, kept)
        after = await connection.fetchval("SHOW synchronous_commit")
        return before, await connection.fetchval("SHOW test.kept"), after

    assert await held.patiently(settings) == ("off", "on", "off")
    held.hang_up()
