"""Connections that the parts of a worker keep."""

from uuid import uuid4

import asyncpg
import pytest
from aiokafka import ConsumerRecord

from libs.common import held as of_workers
from libs.common.collector import Collector
from libs.common.held import HeldConnection, durably
from libs.common.reader import new_reader
from libs.common.worker import run_worker
from tests.conftest import Ground
from tests.libs.common.flow import running, touch, worker
from tests.libs.common.probe import EVENTS, Probe
from tests.polling import until

SMALL = """
    CREATE TABLE growing (id text PRIMARY KEY); INSERT INTO growing VALUES ('one'); ANALYZE growing;
    GRANT SELECT ON growing TO probe_app
"""
GROW = "INSERT INTO growing SELECT n::text FROM generate_series(1, 10000) AS n"


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


async def test_a_plan_does_not_outlast_the_table_it_was_made_for(
    ground: Ground, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, held = await asyncpg.connect(ground.url("probe", "owner")), HeldConnection(probe.settings.dsn)

    async def prepare(connection: asyncpg.Connection) -> None:
        await connection.execute("PREPARE kept AS SELECT FROM growing WHERE id = $1")

    async def plan(connection: asyncpg.Connection) -> str:
        return str((await connection.fetch("EXPLAIN EXECUTE kept ('')"))[0][0])

    try:
        await owner.execute(SMALL)
        await held.patiently(prepare)
        assert "Seq Scan" in await held.patiently(plan)
        await owner.execute(GROW)
        assert "Seq Scan" in await held.patiently(plan)
        monkeypatch.setattr(of_workers, "PLAN_SECONDS", 0.0)
        assert "Index" in await held.patiently(plan)
    finally:
        held.hang_up()
        await owner.execute("DROP TABLE growing")
        await owner.close()
