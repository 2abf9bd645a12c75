"""Events and sections over a real Kafka: relay, consumer, dead letters, publisher, watermark."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiokafka import ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from sqlalchemy import select, text

from libs.common.clock import Clock
from libs.common.consumer import Consumer, Subscription, headers_of
from libs.common.database import UnitOfWork
from libs.common.dead_letters import DeadLetters
from libs.common.domain import Conflict
from libs.common.encryption import FieldCipher
from libs.common.ids import new_id
from libs.common.kafka import new_consumer, new_producer
from libs.common.keyring import KeyRing
from libs.common.leader import Leadership
from libs.common.publisher import Publisher
from libs.common.relay import Relay
from libs.common.topics import WATERMARK, Topic
from libs.common.worker import Worker, run_worker
from libs.directory.scope import SystemScope
from tests.conftest import Ground
from tests.libs.common.probe import EVENTS, PUBLICATION, SECTION, Probe, Thing, ThingTouched, things
from tests.polling import until


@pytest.fixture(scope="session", autouse=True)
async def _topics(ground: Ground) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=ground.kafka.bootstrap)
    await admin.start()
    for topic in (EVENTS, SECTION):
        await admin.create_topics([NewTopic(topic.name, 2, 1, topic_configs=topic.config)])
    await admin.close()


@asynccontextmanager
async def running(job: Awaitable[Any]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(job)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def touch(probe: Probe, count: int = 1, thing_id: UUID | None = None) -> UUID:
    thing_id = thing_id or new_id()
    async with probe.database.unit_of_work(SystemScope()) as uow:
        thing = Thing(id=thing_id, name=f"flow {thing_id}")
        for place in range(count):
            thing.touch(str(place))
        uow.session.add(thing)
    return thing_id


async def read_all(probe: Probe, topic: Topic, enough: Callable[[list[ConsumerRecord]], bool]) -> list[ConsumerRecord]:
    """Every record of a topic from its start, until there is enough of it."""
    consumer = new_consumer(probe.settings, topic.name, group=None)
    await consumer.start()
    records: list[ConsumerRecord] = []
    try:
        async with asyncio.timeout(20):
            while not enough(records):
                fetched = await consumer.getmany(timeout_ms=200)
                records += [record for part in fetched.values() for record in part]
    finally:
        await consumer.stop()
    return records


def of(records: list[ConsumerRecord], thing_id: UUID) -> list[ConsumerRecord]:
    return [record for record in records if record.key == thing_id.bytes]


def worker(probe: Probe, **changed: Any) -> Worker:
    made = Worker(
        settings=probe.settings,
        database=probe.database,
        scope=SystemScope(),
        events_topic=EVENTS.name,
        publications=[PUBLICATION],
    )
    return replace(made, **changed)


async def test_events_arrive_in_order_with_their_envelope(probe: Probe) -> None:
    async with running(run_worker(worker(probe))):
        thing_id = await touch(probe, 5)
        records = await read_all(probe, EVENTS, lambda rs: len(of(rs, thing_id)) >= 5)
    headers = [headers_of(record) for record in of(records, thing_id)]
    assert [h["ce_sequence"] for h in headers] == ["1", "2", "3", "4", "5"]
    assert {h["ce_type"] for h in headers} == {"crm.thing.touched.v1"}
    assert {h["ce_source"] for h in headers} == {"/guanxi/probe"}
    assert len({h["ce_id"] for h in headers}) == 5


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


class AlwaysLeading(Leadership):
    def __init__(self) -> None:
        super().__init__(None)

    def check(self) -> None:
        return


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
    broken = replace(PUBLICATION, query="SELECT id, (1 / 0)::text FROM things WHERE id = ANY($1::uuid[])")
    publisher = Publisher(probe.settings.dsn, broken, producer)
    connection = await _connect(probe)
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
    publisher = Publisher(probe.settings.dsn, PUBLICATION, producer, consumed=[EVENTS.name])
    connection = await _connect(probe)
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
    finally:
        await connection.execute("DELETE FROM consumer_progress")
        connection.terminate()
        await producer.stop()


async def _connect(probe: Probe) -> Any:
    return await asyncpg.connect(probe.settings.dsn)


@dataclass
class Listener:
    """Has its effect in the database, and refuses what it was told to refuse."""

    probe: Probe
    poison: set[str] = field(default_factory=set)
    passing: dict[str, int] = field(default_factory=dict)

    async def handle(self, uow: UnitOfWork, event: ThingTouched) -> None:
        effect = {"thing_id": event.thing_id, "note": event.note}
        await uow.session.execute(text("INSERT INTO effects (thing_id, note) VALUES (:thing_id, :note)"), effect)
        if event.note in self.poison:
            raise Conflict("poison")
        if self.passing.get(event.note, 0) > 0:
            self.passing[event.note] -= 1
            raise ConnectionError

    async def effects(self, thing_id: UUID) -> list[str]:
        wanted = text("SELECT note FROM effects WHERE thing_id = :thing_id ORDER BY place")
        async with self.probe.database.engine.connect() as connection:
            return list((await connection.execute(wanted, {"thing_id": thing_id})).scalars())

    async def hears(self, *records: ConsumerRecord) -> None:
        subscription = Subscription((EVENTS.name,), {ThingTouched.type: (ThingTouched, self.handle)})
        letters = DeadLetters(FieldCipher(KeyRing.load(self.probe.settings.keyring)), Clock())
        kafka = new_consumer(self.probe.settings, EVENTS.name, group=f"test {uuid4()}")
        try:
            consumer = Consumer(self.probe.database, kafka, subscription, SystemScope(), letters)
            await consumer.handle(list(records))
        finally:
            await kafka.stop()


async def sent(probe: Probe, count: int) -> tuple[UUID, list[ConsumerRecord]]:
    """A thing touched so often, and its events as they went over Kafka."""
    async with running(run_worker(worker(probe))):
        thing_id = await touch(probe, count)
        records = await read_all(probe, EVENTS, lambda rs: len(of(rs, thing_id)) >= count)
    return thing_id, of(records, thing_id)


async def test_an_event_is_handled_once_however_often_it_is_sent(probe: Probe) -> None:
    thing_id, records = await sent(probe, 3)
    listener = Listener(probe)
    await listener.hears(*records, *records[:2])
    await listener.hears(*records)
    assert await listener.effects(thing_id) == ["0", "1", "2"]


async def test_poison_is_set_aside_and_the_rest_goes_on_in_order(probe: Probe) -> None:
    thing_id, records = await sent(probe, 5)
    listener = Listener(probe, poison={"1", "3"})
    await listener.hears(*records)
    assert await listener.effects(thing_id) == ["0", "2", "4"]
    async with probe.database.engine.connect() as connection:
        wanted = text("SELECT payload, cause FROM dead_letters WHERE subject = :subject")
        letters = (await connection.execute(wanted, {"subject": str(thing_id)})).all()
        announced = text("SELECT count(*) FROM outbox WHERE type = 'crm.dead_letter.raised.v1'")
        assert (await connection.execute(announced)).scalar_one() >= len(letters) == 2
    assert {letter.cause for letter in letters} == {"Conflict"}
    assert all(str(thing_id).encode() not in letter.payload for letter in letters), "payload in clear"


async def test_an_undecodable_record_is_poison(probe: Probe) -> None:
    _, records = await sent(probe, 1)
    broken = replace(records[0], value=b"{not json", headers=(("ce_type", b"crm.thing.touched.v1"),))
    count = text("SELECT count(*) FROM dead_letters")
    async with probe.database.engine.connect() as connection:
        before = (await connection.execute(count)).scalar_one()
    await Listener(probe).hears(broken)
    async with probe.database.engine.connect() as connection:
        assert (await connection.execute(count)).scalar_one() == before + 1


async def test_what_passes_is_tried_again_in_place(probe: Probe) -> None:
    thing_id, records = await sent(probe, 3)
    listener = Listener(probe, passing={"1": 2})
    await listener.hears(*records)
    assert await listener.effects(thing_id) == ["0", "1", "2"]
    assert listener.passing["1"] == 0


async def test_a_record_that_can_never_be_sent_is_parked_and_the_rest_goes_on(probe: Probe) -> None:
    producer = new_producer(probe.settings)
    producer._max_request_size = 2_000
    await producer.start()
    connection = await _connect(probe)
    try:
        relay = Relay(probe.settings.dsn, EVENTS.name, producer)
        while await relay.send_batch(connection, AlwaysLeading()):
            pass
        big, small = new_id(), await touch(probe)
        async with probe.database.unit_of_work(SystemScope()) as uow:
            thing = Thing(id=big, name=f"big {big}")
            thing.touch("x" * 10_000)
            thing.touch("behind it")
            uow.session.add(thing)
        await relay.send_batch(connection, AlwaysLeading())
        waiting = await connection.fetch("SELECT parked_because FROM outbox WHERE subject = $1 ORDER BY id", big)
        assert waiting[0]["parked_because"] == "MessageSizeTooLargeError"
        sent = await connection.fetchval("SELECT count(published_at) FROM outbox WHERE subject = $1", small)
        assert sent == 1
        later = await touch_again(probe, big)
        await relay.send_batch(connection, AlwaysLeading())
        states = await connection.fetch("SELECT published_at FROM outbox WHERE subject = $1 ORDER BY id", big)
        assert states[later - 1]["published_at"] is None, "a later event of the key overtook the parked one"
    finally:
        await connection.execute("DELETE FROM outbox WHERE published_at IS NULL")
        connection.terminate()
        await producer.stop()


async def touch_again(probe: Probe, thing_id: UUID) -> int:
    async with probe.database.unit_of_work(SystemScope()) as uow:
        thing = (await uow.session.execute(select(Thing).where(things.c.id == thing_id))).scalar_one()
        thing.touch()
        return thing.version
