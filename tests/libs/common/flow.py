"""What the tests of the flow share: a running worker, something to send, and everything that arrived."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from aiokafka import ConsumerRecord
from sqlalchemy import select, text

from libs.common.clock import Clock
from libs.common.consumer import Consumer
from libs.common.database import Database
from libs.common.dead_letters import DeadLetters
from libs.common.encryption import FieldCipher
from libs.common.hearing import Subscription
from libs.common.ids import new_id
from libs.common.kafka import key_of, new_consumer
from libs.common.keyring import KeyRing
from libs.common.leader import Leadership
from libs.common.reader import new_reader
from libs.common.topics import Topic
from libs.common.worker import Worker, run_worker
from libs.directory.scope import SystemScope
from tests.libs.common.probe import EVENTS, PUBLICATION, Probe, Thing, things


@asynccontextmanager
async def running(job: Awaitable[Any]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(job)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def touch(probe: Probe, count: int = 1, name: str = "flow") -> UUID:
    """A new thing that was touched so often."""
    thing_id = new_id()
    async with probe.database.unit_of_work(SystemScope()) as uow:
        thing = Thing(id=thing_id, name=f"{name} {thing_id}")
        for place in range(count):
            thing.touch(str(place))
        uow.session.add(thing)
    return thing_id


async def touch_again(probe: Probe, thing_id: UUID) -> int:
    async with probe.database.unit_of_work(SystemScope()) as uow:
        thing = (await uow.session.execute(select(Thing).where(things.c.id == thing_id))).scalar_one()
        thing.touch()
        return thing.version


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


async def hear(
    probe: Probe, subscription: Subscription, *records: ConsumerRecord, database: Database | None = None
) -> None:
    """Let a service's consumer handle these, as though it had read them."""
    reader = new_reader(probe.settings, f"test {uuid4()}", EVENTS.name)
    letters = DeadLetters(FieldCipher(KeyRing.load(probe.settings.keyring)), Clock())
    try:
        await Consumer(database or probe.database, reader, subscription, SystemScope(), letters).handle(list(records))
    finally:
        await reader.consumer.stop()


async def effects_on(probe: Probe, thing_id: UUID) -> list[str]:
    """The notes that handlers left, in the order in which they had their effect."""
    wanted = text("SELECT note FROM effects WHERE thing_id = :thing_id ORDER BY place")
    async with probe.database.engine.connect() as connection:
        return list((await connection.execute(wanted, {"thing_id": thing_id})).scalars())


def of(records: list[ConsumerRecord], thing_id: UUID) -> list[ConsumerRecord]:
    return [record for record in records if record.key == key_of(thing_id)]


def worker(probe: Probe, **changed: Any) -> Worker:
    made = Worker(
        settings=probe.settings,
        database=probe.database,
        scope=SystemScope(),
        events_topic=EVENTS.name,
        publications=[PUBLICATION],
    )
    return replace(made, **changed)


class AlwaysLeading(Leadership):
    def __init__(self) -> None:
        super().__init__(None)

    @property
    def lapsed(self) -> bool:
        return False


class Lapsed(Leadership):
    """Of a process that was frozen for longer than it leads."""

    def __init__(self) -> None:
        super().__init__(None)

    @property
    def lapsed(self) -> bool:
        return True


async def connect_to(probe: Probe) -> Any:
    return await asyncpg.connect(probe.settings.dsn)


async def sent(probe: Probe, count: int) -> tuple[UUID, list[ConsumerRecord]]:
    """A thing touched so often, and its events as they went over Kafka."""
    async with running(run_worker(worker(probe))):
        thing_id = await touch(probe, count)
        records = await read_all(probe, EVENTS, lambda rs: len(of(rs, thing_id)) >= count)
    return thing_id, of(records, thing_id)
