"""How much waits on Kafka for somebody who does not read, and how old it is."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from prometheus_client import REGISTRY

from libs.common import lag
from libs.common.collector import Collector, Store
from libs.common.kafka import new_producer
from libs.common.queues import Queues
from libs.common.reader import new_reader
from libs.common.topics import Topic
from tests.libs.common.flow import running
from tests.libs.common.probe import Probe
from tests.polling import until
from tests.topics import make_again

TOPIC = Topic(name="crm.probe.lag.v1")
AN_HOUR_AGO = "UPDATE consumer_progress SET caught_up_at = caught_up_at - interval '1 hour' WHERE topic = $1"


@pytest.fixture
async def producer(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AIOKafkaProducer]:
    monkeypatch.setattr(lag, "PAUSE_SECONDS", 0.2)
    await make_again(probe.settings.kafka, TOPIC)
    made = new_producer(probe.settings)
    await made.start()
    yield made
    await made.stop()


async def send(producer: AIOKafkaProducer, count: int) -> None:
    for _ in range(count):
        await producer.send_and_wait(TOPIC.name, b"{}", partition=0)


def lag_of(group: str) -> float | None:
    return REGISTRY.get_sample_value("guanxi_consumer_lag", {"group": group, "topic": TOPIC.name, "partition": "0"})


@asynccontextmanager
async def collecting(probe: Probe, store: Store) -> AsyncIterator[str]:
    """The group's name."""
    group = f"test {uuid4()}"
    async with running(Collector(new_reader(probe.settings, group, TOPIC.name), store).run()):
        yield group


async def test_what_waits_behind_a_record_that_holds_up_is_counted(probe: Probe, producer: AIOKafkaProducer) -> None:
    passes = asyncio.Event()

    async def store(_connection: asyncpg.Connection, _records: Sequence[ConsumerRecord]) -> None:
        await passes.wait()

    await send(producer, 2)
    async with collecting(probe, store) as group:

        async def waiting(count: int) -> bool:
            return lag_of(group) == count

        await until(lambda: waiting(2))
        await send(producer, 3)
        await until(lambda: waiting(5))
        passes.set()
        await until(lambda: waiting(0))
    assert lag_of(group) is None, "nobody goes on telling how far behind they were"


async def test_who_has_read_to_the_end_of_a_topic_that_forgot_is_not_behind(
    probe: Probe, producer: AIOKafkaProducer
) -> None:
    """Records that were deleted before a group began wait for nobody."""

    async def store(_connection: asyncpg.Connection, _records: Sequence[ConsumerRecord]) -> None: ...

    await send(producer, 4)
    admin = AIOKafkaAdminClient(bootstrap_servers=probe.settings.kafka)
    await admin.start()
    await admin.delete_records({TopicPartition(TOPIC.name, 0): RecordsToDelete(before_offset=4)})
    await admin.close()
    async with collecting(probe, store) as group:

        async def is_told() -> bool:
            return lag_of(group) is not None

        await until(is_told)
        assert lag_of(group) == 0


async def test_a_topic_that_is_stored_as_it_comes_has_an_age(probe: Probe, producer: AIOKafkaProducer) -> None:
    async def store(_connection: asyncpg.Connection, _records: Sequence[ConsumerRecord]) -> None: ...

    async def age(connection: asyncpg.Connection) -> float | None:
        await Queues(probe.settings.dsn, {}, hears=[TOPIC.name]).measure(connection)
        return REGISTRY.get_sample_value("guanxi_consumer_age_seconds", {"topic": TOPIC.name})

    connection = await asyncpg.connect(probe.settings.dsn)
    try:
        await send(producer, 1)
        async with collecting(probe, store):

            async def is_told() -> bool:
                return await age(connection) is not None

            await until(is_told)
            assert (await age(connection) or 0) < 60
        await connection.execute(AN_HOUR_AGO, TOPIC.name)
        assert (await age(connection) or 0) >= 3600
    finally:
        await connection.close()
