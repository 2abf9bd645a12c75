"""What the tests of the flow share: a running worker, something to send, and everything that arrived."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import ConsumerRecord
from sqlalchemy import select

from libs.common.ids import new_id
from libs.common.kafka import key_of, new_consumer
from libs.common.leader import Leadership
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
