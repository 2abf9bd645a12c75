"""Copies of compacted topics: the newest version wins, and a rebuild shows nobody the past."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from gateway.view import tables as view
from libs.common.copies import NEVER, Copier, rebuild
from libs.common.kafka import key_of, new_consumer, new_producer
from libs.common.reader import new_reader
from libs.common.settings import Settings
from libs.contracts import customer
from libs.directory.copies import COPIES
from tests.conftest import Ground
from tests.polling import until

DOCUMENT = (
    b'{"status":"active","kind":"person","home_unit_id":null,"grade":null,"canonical_id":"%s",'
    b'"partner_consents":[],"logins":["i s"]}'
)


@pytest.fixture(scope="module")
async def settings(ground: Ground) -> Settings:
    await ground.migrate("gateway", "gateway")
    return ground.settings("gateway")


@pytest.fixture(scope="module")
async def producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    made = new_producer(settings)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture(scope="module")
async def connection(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    made = await asyncpg.connect(settings.dsn)
    yield made
    await made.close()


async def send(producer: AIOKafkaProducer, key: UUID, version: int, value: bytes | None) -> None:
    headers = [("ce_sequence", str(version).encode()), ("ce_time", b"2026-01-01T00:00:00+00:00")]
    await producer.send_and_wait(customer.REFERENCE.name, value, key=key_of(key), headers=headers)


@asynccontextmanager
async def copying(settings: Settings, group: str) -> AsyncIterator[None]:
    reader = new_reader(settings, group, *[copy.topic for copy in COPIES])
    task = asyncio.ensure_future(Copier("directory", COPIES, reader).run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def held(connection: asyncpg.Connection, key: UUID) -> tuple[int, str | None] | None:
    row = await connection.fetchrow("SELECT version, status FROM directory.customers WHERE customer_id = $1", key)
    return (row["version"], row["status"]) if row else None


async def test_late_and_repeated_records_change_nothing_and_tombstones_stay(
    settings: Settings, producer: AIOKafkaProducer, connection: asyncpg.Connection
) -> None:
    key, end = uuid4(), uuid4()
    document = DOCUMENT % str(key).encode()
    for version, value in ((1, document), (3, None), (2, document), (3, None)):
        await send(producer, key, version, value)
    await send(producer, end, 1, document)
    async with copying(settings, "late"):

        async def arrived() -> bool:
            return await held(connection, key) == (3, None)

        await until(arrived)
        await send(producer, key, 2, document)
        await send(producer, key, 4, document)

        async def back() -> bool:
            return await held(connection, key) == (4, "active")

        await until(back)


WITNESSED = """
    CREATE TABLE witnessed (how text);
    CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
        $$ BEGIN INSERT INTO public.witnessed VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$;
    CREATE TRIGGER witness AFTER INSERT OR UPDATE ON directory.customers FOR EACH ROW EXECUTE FUNCTION witness();
"""
FORGOTTEN = "DROP TRIGGER witness ON directory.customers; DROP FUNCTION witness; DROP TABLE witnessed"


async def test_what_is_copied_waits_for_the_disk_before_its_place_is_noted(
    ground: Ground, settings: Settings, producer: AIOKafkaProducer, connection: asyncpg.Connection
) -> None:
    """A server that fell between the two forgot the copy, and the place was noted over the next connection."""
    owner = await asyncpg.connect(ground.url("gateway", "owner"))
    key = uuid4()
    await owner.execute(WITNESSED)
    try:
        async with copying(settings, "witness"):
            await send(producer, key, 1, DOCUMENT % str(key).encode())

            async def arrived() -> bool:
                return await held(connection, key) == (1, "active")

            await until(arrived)
        assert {row[0] for row in await owner.fetch("SELECT how FROM witnessed")} == {"on"}
    finally:
        await owner.execute(FORGOTTEN)
        await owner.close()


async def test_a_partition_that_was_never_heard_is_as_old_as_can_be(
    settings: Settings, connection: asyncpg.Connection
) -> None:
    await connection.execute("DELETE FROM directory.watermarks")
    async with copying(settings, "unheard"):

        async def noted() -> bool:
            oldest = await connection.fetch("SELECT topic, max(as_of), count(*) FROM directory.watermarks GROUP BY 1")
            return sorted(map(tuple, oldest)) == sorted((copy.topic, NEVER, 2) for copy in COPIES)

        await until(noted)


async def test_a_rebuild_heals_the_copy_and_no_reader_sees_a_version_fall(
    settings: Settings, producer: AIOKafkaProducer, connection: asyncpg.Connection
) -> None:
    keys = [uuid4() for _ in range(20)]
    for version in (1, 2, 3):
        for key in keys:
            await send(producer, key, version, DOCUMENT % str(key).encode())
    async with copying(settings, "rebuild"):

        async def complete() -> bool:
            return [await held(connection, key) for key in keys] == [(3, "active")] * 20

        await until(complete)
        await connection.execute("DELETE FROM directory.customers WHERE customer_id = $1", keys[0])
        await connection.execute("UPDATE directory.customers SET status = 'wrong' WHERE customer_id = $1", keys[1])
        fallen = asyncio.create_task(falls(settings, keys[2:]))
        kafka = new_consumer(settings, *[copy.topic for copy in COPIES], group=None)
        await kafka.start()
        assert await rebuild(settings.dsn, "directory", COPIES, kafka) >= 60
        await kafka.stop()
        await send(producer, keys[2], 4, DOCUMENT % str(keys[2]).encode())
        await until(complete_after(connection, keys))
        assert not fallen.done() or fallen.exception() is None
        fallen.cancel()
        await asyncio.gather(fallen, return_exceptions=True)


def complete_after(connection: asyncpg.Connection, keys: list[UUID]) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        found = [await held(connection, key) for key in keys]
        return found == [(3, "active"), (3, "active"), (4, "active"), *[(3, "active")] * 17]

    return holds


async def falls(settings: Settings, keys: list[UUID]) -> None:
    """Read the versions for ever; fail when one falls or goes."""
    reader = await asyncpg.connect(settings.dsn)
    seen: dict[UUID, int] = {}
    try:
        while True:
            rows = await reader.fetch(
                "SELECT customer_id, version FROM directory.customers WHERE customer_id = ANY($1)", keys
            )
            assert len(rows) == len(keys)
            for row in rows:
                assert row["version"] >= seen.get(row["customer_id"], 0)
                seen[row["customer_id"]] = row["version"]
    finally:
        await reader.close()


def test_the_view_copies_every_section_topic() -> None:
    assert {copy.section for copy in view.COPIES} == {"profile", "relationship", "marketing", "complaints", "scores"}
