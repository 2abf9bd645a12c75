"""Sections over a real Kafka: versions, watermarks that cannot lie."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from aiokafka import ConsumerRecord
from sqlalchemy import text

from libs.common.held import REPEATED
from libs.common.kafka import headers_of, new_producer
from libs.common.publisher import BATCH, CLEAR, OVERTAKEN, Publisher
from libs.common.sender import Sender
from libs.common.topics import WATERMARK
from libs.common.worker import run_worker
from tests.conftest import Ground
from tests.libs.common.flow import AlwaysLeading, Lapsed, connect_to, of, read_all, running, touch, touch_again, worker
from tests.libs.common.probe import EVENTS, PUBLICATION, SECTION, Probe
from tests.polling import until

# Never committed: it goes with its connection.
EMPTY = """
    BEGIN; CREATE SCHEMA apart; CREATE TABLE apart.publication_marks (LIKE publication_marks INCLUDING ALL);
    SET LOCAL search_path TO apart; ANALYZE publication_marks
"""
FILLED = """
    INSERT INTO publication_marks (stream, key, version)
    SELECT 'a stream', gen_random_uuid(), 1 FROM generate_series(1, $1) RETURNING key
"""


async def test_a_section_is_published_with_the_version_that_its_mark_has(probe: Probe) -> None:
    async with running(run_worker(worker(probe))):
        thing_id = await touch(probe)
        records = await read_all(probe, SECTION, lambda rs: bool(of(rs, thing_id)))
        record = of(records, thing_id)[-1]

        async def cleared() -> bool:
            return not await dirty(probe, thing_id)

        await until(cleared)
    assert b'"staff"' in record.value
    assert headers_of(record)["ce_sequence"] == str(await version(probe, thing_id))


async def dirty(probe: Probe, key: UUID) -> bool:
    return bool(await mark_of(probe, key, "dirty"))


async def version(probe: Probe, key: UUID) -> int:
    return int(await mark_of(probe, key, "version"))


async def mark_of(probe: Probe, key: UUID, column: str) -> Any:
    statement = text(f"SELECT {column} FROM publication_marks WHERE key = :key")  # noqa: S608 - named above
    async with probe.database.engine.connect() as connection:
        return (await connection.execute(statement, {"key": key})).scalar_one()


async def test_an_old_document_that_a_frozen_leader_sends_late_is_followed_by_a_newer_one(probe: Probe) -> None:
    producer = new_producer(probe.settings)
    await producer.start()
    frozen, successor = (
        Publisher(probe.settings.dsn, PUBLICATION, Sender(producer), "/guanxi/probe") for _ in range(2)
    )
    connection = await connect_to(probe)
    try:
        thing_id = await touch(probe)
        _, marks, documents = await frozen._snapshot(connection)
        await touch_again(probe, thing_id)
        await successor.publish_batch(connection, AlwaysLeading())
        newest = await version(probe, thing_id)
        await frozen._publish(connection, Lapsed(), marks, documents)
        assert await dirty(probe, thing_id)
        await successor.publish_batch(connection, AlwaysLeading())
        records = of(await read_all(probe, SECTION, lambda rs: len(of(rs, thing_id)) >= 3), thing_id)
        versions = [int(headers_of(record)["ce_sequence"]) for record in records]
        assert versions[:2] == [newest, versions[1]]
        assert versions[1] < newest < versions[2] == await version(probe, thing_id)
    finally:
        connection.terminate()
        await producer.stop()


async def test_a_document_too_large_holds_up_nobody_but_the_watermark(probe: Probe) -> None:
    producer = new_producer(probe.settings)
    producer._max_request_size = 2_000
    await producer.start()
    bloated = replace(PUBLICATION, query=BLOATED)
    publisher = Publisher(probe.settings.dsn, bloated, Sender(producer), "/guanxi/probe")
    connection = await connect_to(probe)
    try:
        await publisher.publish_batch(connection, AlwaysLeading())
        complete = publisher._complete
        big, small = await touch(probe, name="big"), await touch(probe)
        await publisher.publish_batch(connection, AlwaysLeading())
        assert (await dirty(probe, big), await dirty(probe, small)) == (True, False)
        assert publisher._complete == complete
        publisher.publication = PUBLICATION
        await publisher.publish_batch(connection, AlwaysLeading())
        assert not await dirty(probe, big)
        assert publisher._complete != complete
    finally:
        connection.terminate()
        await producer.stop()


BLOATED = """
    SELECT id, CASE WHEN name LIKE 'big%' THEN repeat(md5(random()::text), 1000) ELSE '"small"' END
    FROM things WHERE id = ANY($1::uuid[])
"""


async def watermarks(probe: Probe, count: int) -> list[datetime]:
    def told(records: list[ConsumerRecord]) -> list[datetime]:
        marks = [r for r in records if headers_of(r).get("ce_type") == WATERMARK]
        return [datetime.fromisoformat(r.value.decode()) for r in marks]

    records = await read_all(probe, SECTION, lambda rs: len(told(rs)) >= count)
    return told(records)


async def test_a_watermark_goes_to_every_partition_and_advances_when_idle(probe: Probe) -> None:
    async with running(run_worker(worker(probe))):
        before = len(await watermarks(probe, 1))
        told = await watermarks(probe, before + 6)
    assert max(told) > min(told)


async def test_the_watermark_stands_still_while_the_section_query_fails(probe: Probe) -> None:
    producer = new_producer(probe.settings)
    await producer.start()
    broken = replace(PUBLICATION, query="SELECT id, (1 / (version * 0))::text FROM things WHERE id = ANY($1::uuid[])")
    publisher = Publisher(probe.settings.dsn, broken, Sender(producer), "/guanxi/probe")
    connection = await connect_to(probe)
    try:
        await publisher.publish_batch(connection, AlwaysLeading())
        complete = publisher._complete
        await touch(probe)
        for _ in range(3):
            with suppress(Exception):
                await publisher.publish_batch(connection, AlwaysLeading())
        assert publisher._complete == complete
        publisher.publication = PUBLICATION
        await publisher.publish_batch(connection, AlwaysLeading())
        assert publisher._complete is not None
        assert complete is None or publisher._complete > complete
    finally:
        connection.terminate()
        await producer.stop()


async def test_the_watermark_stands_still_while_the_consumer_is_stopped(probe: Probe) -> None:
    producer = new_producer(probe.settings)
    await producer.start()
    publisher = Publisher(probe.settings.dsn, PUBLICATION, Sender(producer), "/guanxi/probe", consumed=[EVENTS.name])
    connection = await connect_to(probe)
    try:
        await connection.execute("DELETE FROM consumer_progress")
        await publisher.publish_batch(connection, AlwaysLeading())
        assert await publisher._as_of(connection) is None, "a partition was never read to its end"
        await connection.execute(
            "INSERT INTO consumer_progress SELECT $1, p, now() - interval '1 hour' FROM unnest(ARRAY[0, 1]) AS p",
            EVENTS.name,
        )
        stood = await publisher._as_of(connection)
        await publisher.publish_batch(connection, AlwaysLeading())
        assert await publisher._as_of(connection) == stood
        assert stood is not None
        assert (datetime.now(stood.tzinfo) - stood).total_seconds() > 3000
        publisher.publication = replace(PUBLICATION, rests_on=())
        assert await publisher._as_of(connection) == publisher._complete, "what rests on nothing heard goes on"
    finally:
        await connection.execute("DELETE FROM consumer_progress")
        connection.terminate()
        await producer.stop()


@pytest.mark.parametrize(("statement", "sent"), [(CLEAR, 1), (OVERTAKEN, 0)], ids=["clear", "overtaken"])
async def test_marks_are_locked_once_by_a_plan_that_was_made_while_there_were_none(
    ground: Ground,
    probe: Probe,  # noqa: ARG001 - it made the database
    statement: str,
    sent: int,
) -> None:
    connection = await asyncpg.connect(ground.url("probe", "owner"), server_settings=REPEATED)
    try:
        await connection.execute(EMPTY)
        await connection.execute(f"PREPARE kept AS {statement}")
        await connection.execute("EXPLAIN EXECUTE kept ('a stream', '{}', '{}')")
        keys = [str(row["key"]) for row in await connection.fetch(FILLED, 4 * BATCH)][:BATCH]
        told = f"'{{{','.join(keys)}}}', '{{{','.join([str(sent)] * BATCH)}}}'"
        plan = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE kept ('a stream', {told})")
    finally:
        await connection.close()
    assert times_locked(json.loads(plan)[0]["Plan"]) == [1]


def times_locked(part: dict[str, Any]) -> list[int]:
    inside = [times for each in part.get("Plans", []) for times in times_locked(each)]
    return [part["Actual Loops"], *inside] if part["Node Type"] == "LockRows" else inside
