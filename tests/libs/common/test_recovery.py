"""What one of Kafka and a database lost, the other brings back: read again from the database's place, sent again."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from libs.common.kafka import new_consumer, new_producer
from libs.common.reader import BEGIN_AGAIN, Reader, new_reader
from libs.common.sender import BrokerForgot, Memory, Record, Sender
from libs.common.topics import Topic
from tests.libs.common.probe import Probe
from tests.polling import until
from tests.topics import make_again

TOPIC = Topic(name="crm.probe.recovery.v1")
PART = TopicPartition(TOPIC.name, 0)
BACK = "UPDATE reader_positions SET next = $2 WHERE reader = $1 AND topic = $3 AND partition = 0"
BEGUN = "INSERT INTO reader_positions VALUES ($1, $2, 0, $3, 0, $4)"
AT = "SELECT next FROM reader_positions WHERE reader = $1 AND partition = 0"


@pytest.fixture
async def producer(probe: Probe) -> AsyncIterator[AIOKafkaProducer]:
    await make_again(probe.settings.kafka, TOPIC)
    made = new_producer(probe.settings)
    await made.start()
    yield made
    await made.stop()


async def send(sender: Sender, *numbers: int) -> None:
    """All to one partition."""
    for number in numbers:
        await sender.send(Record(TOPIC.name, str(number).encode(), b"k", [], partition=0))


def milliseconds() -> int:
    """Now, as Kafka has it."""
    return int(time.time() * 1000)


@asynccontextmanager
async def reading(probe: Probe, group: str, *, in_order: bool = False) -> AsyncIterator[Reader]:
    reader = new_reader(probe.settings, group, TOPIC.name, in_order=in_order)
    async with reader.reading():
        yield reader


async def read(reader: Reader, enough: int) -> list[int]:
    """So many records, or more, each handled."""
    found: list[int] = []

    async def read_enough() -> bool:
        found.extend(int(record.value) for record in await reader.read(100) if record.partition == 0)
        await reader.handled()
        return len(found) >= enough

    await until(read_enough)
    return found


async def test_who_comes_back_goes_on_where_they_were(probe: Probe, producer: AIOKafkaProducer) -> None:
    group = f"test {uuid4()}"
    await send(Sender(producer), *range(5))
    async with reading(probe, group) as reader:
        assert await read(reader, 5) == [0, 1, 2, 3, 4]
    await send(Sender(producer), 5)
    async with reading(probe, group) as reader:
        assert await read(reader, 1) == [5]


@pytest.mark.parametrize("restarts", [False, True], ids=["while it reads", "while it is away"])
async def test_a_database_that_was_set_back_is_read_up_to_where_it_was(
    probe: Probe, producer: AIOKafkaProducer, database: asyncpg.Connection, *, restarts: bool
) -> None:
    group = f"test {uuid4()}"
    await send(Sender(producer), *range(8))
    async with reading(probe, group) as reader:
        await read(reader, 8)
        await database.execute(BACK, group, 3, TOPIC.name)
        if not restarts:
            assert await read(reader, 5) == [3, 4, 5, 6, 7]
    if restarts:
        async with reading(probe, group) as reader:
            assert await read(reader, 5) == [3, 4, 5, 6, 7]
    assert await database.fetchval(AT, group) == 8


async def test_a_database_without_any_memory_is_read_from_the_start(
    probe: Probe, producer: AIOKafkaProducer, database: asyncpg.Connection
) -> None:
    group = f"test {uuid4()}"
    await send(Sender(producer), *range(4))
    async with reading(probe, group) as reader:
        await read(reader, 4)
    await database.execute("DELETE FROM reader_positions WHERE reader = $1", group)
    async with reading(probe, group) as reader:
        assert await read(reader, 4) == [0, 1, 2, 3]


async def test_a_group_that_kafka_knows_nothing_of_goes_on_where_the_database_is(
    probe: Probe, producer: AIOKafkaProducer, database: asyncpg.Connection
) -> None:
    """It ended long ago, or its first commit failed, as when the partitions moved on at that moment."""
    group = f"test {uuid4()}"
    await send(Sender(producer), *range(3))
    await database.execute(BEGUN, group, TOPIC.name, 3, milliseconds())
    await send(Sender(producer), 3, 4)
    async with reading(probe, group, in_order=True) as reader:
        assert await read(reader, 2) == [3, 4]


async def test_a_group_that_kafka_knows_nothing_of_waits_for_what_it_lost(
    probe: Probe, producer: AIOKafkaProducer, database: asyncpg.Connection
) -> None:
    group = f"test {uuid4()}"
    await database.execute(BEGUN, group, TOPIC.name, 3, milliseconds() - 1)
    await send(Sender(producer), *[5] * 6)
    async with reading(probe, group, in_order=True) as reader:

        async def lost() -> bool:
            assert await reader.read(100) == []
            return reader.lost(PART)

        await until(lost)
        await send(Sender(producer, epoch=7), *range(5))
        assert await read(reader, 5) == [0, 1, 2, 3, 4]


async def test_a_place_that_was_set_back_while_a_batch_is_handled_stays_set_back(
    probe: Probe, producer: AIOKafkaProducer, database: asyncpg.Connection
) -> None:
    group = f"test {uuid4()}"
    await send(Sender(producer), *range(4))
    async with reading(probe, group) as reader:
        await read(reader, 4)
        await send(Sender(producer), 4)

        async def one_more() -> bool:
            return bool(await reader.read(100))

        await until(one_more)
        await database.execute(BACK, group, 1, TOPIC.name)
        await reader.handled()
        assert await database.fetchval(AT, group) == 1
        assert await read(reader, 4) == [1, 2, 3, 4]


async def test_a_topic_that_was_sent_again_beyond_the_old_place_is_read_from_its_start(
    probe: Probe, producer: AIOKafkaProducer
) -> None:
    group = f"test {uuid4()}"
    await send(Sender(producer), *range(6))
    async with reading(probe, group) as reader:
        await read(reader, 6)
    await make_again(probe.settings.kafka, TOPIC)
    await send(Sender(producer, epoch=7), *range(100, 110))
    group_at_the_old_place = new_consumer(probe.settings, TOPIC.name, group=group)
    await group_at_the_old_place.start()
    await group_at_the_old_place.commit({PART: 6})
    await group_at_the_old_place.stop()
    async with reading(probe, group) as reader:
        assert await read(reader, 10) == list(range(100, 110))
        await send(Sender(producer, epoch=7), 110)
        assert await read(reader, 1) == [110], "once for an epoch"


async def test_a_place_that_was_sought_outlasts_a_rebalance(
    probe: Probe, producer: AIOKafkaProducer, database: asyncpg.Connection
) -> None:
    group = f"test {uuid4()}"
    await send(Sender(producer), *range(8))
    async with reading(probe, group) as reader:
        await read(reader, 8)
        await database.execute(BACK, group, 2, TOPIC.name)

        async def going_back() -> bool:
            return bool(await reader.read(2))

        await until(going_back)
        async with reading(probe, group) as other:  # it takes over what was read and not committed, or leaves all to us
            found: set[int] = set()

            async def all_again() -> bool:
                for each in (reader, other):
                    found.update(int(record.value) for record in await each.read(100) if record.partition == 0)
                    await each.handled()
                return found >= {2, 3, 4, 5, 6, 7}

            await until(all_again)


async def test_what_was_under_way_when_the_log_was_lost_is_read_in_its_place(
    probe: Probe, producer: AIOKafkaProducer
) -> None:
    group = f"test {uuid4()}"
    await send(Sender(producer), *range(4))
    async with reading(probe, group, in_order=True) as reader:
        assert await read(reader, 4) == [0, 1, 2, 3]
        await make_again(probe.settings.kafka, TOPIC)
        await send(Sender(producer), 5, 5, 5, 5, 5, 5)

        async def nothing() -> bool:
            assert await reader.read(100) == []
            await reader.handled()
            return reader.lost(PART) and reader.consumer.highwater(PART) == 6

        await until(nothing)
        await send(Sender(producer, epoch=7), *range(6))
        assert await read(reader, 6) == [0, 1, 2, 3, 4, 5]
        assert not reader.lost(PART)
    async with reading(probe, group, in_order=True) as reader:
        await send(Sender(producer, epoch=7), 6)
        assert await read(reader, 1) == [6]


async def test_what_another_found_sent_again_is_read_by_whoever_has_it_next(
    probe: Probe, producer: AIOKafkaProducer, database: asyncpg.Connection
) -> None:
    group = f"test {uuid4()}"
    await send(Sender(producer), *range(4))
    async with reading(probe, group, in_order=True) as reader:
        await read(reader, 4)
        await make_again(probe.settings.kafka, TOPIC)
        await send(Sender(producer), 5)

        async def waits() -> bool:
            return await reader.read(100) == [] and reader.lost(PART)

        await until(waits)
        await database.execute(BEGIN_AGAIN, group, TOPIC.name, 0, 7)
        await send(Sender(producer, epoch=7), *range(6))
        assert await read(reader, 6) == [0, 1, 2, 3, 4, 5]


async def test_a_record_where_an_earlier_one_stood_is_noticed(
    probe: Probe, producer: AIOKafkaProducer, database: asyncpg.Connection
) -> None:
    memory = Memory(probe.settings.dsn, events=True)
    await database.execute("DELETE FROM broker_epochs")
    sender = await memory.new_sender(producer, "the first")
    await send(sender, *range(5))
    await sender.store(database, "SELECT")
    after = await memory.new_sender(producer, "the first")
    assert (after.epoch, after.ends[PART]) == (sender.epoch, 5)
    await make_again(probe.settings.kafka, TOPIC)
    with pytest.raises(BrokerForgot):
        await send(after, 5)
    assert after.forgot
    again = await Memory(probe.settings.dsn, events=True).new_sender(producer, "the first")  # whoever leads next
    assert again.epoch > sender.epoch
    assert again.ends == {}
    zombie = Sender(producer, sender.epoch, {}, memory)
    await send(zombie, 6)
    await zombie.store(database, "SELECT")
    assert await database.fetchval("SELECT count(*) FROM topic_ends") == 0, "who led before stores nothing any more"
    assert (await memory.new_sender(producer, "the first")).epoch == again.epoch, "once for each time"
    other = await memory.new_sender(producer, "another cluster")
    assert other.epoch > again.epoch
    await database.execute("DELETE FROM broker_epochs")
    await database.execute("DELETE FROM topic_ends")


async def test_what_another_has_handled_meanwhile_is_gone_on_behind(
    probe: Probe, producer: AIOKafkaProducer, database: asyncpg.Connection
) -> None:
    """Who had a partition before ends what they were at, and says so, after its new owner began to read."""
    group = f"test {uuid4()}"
    await send(Sender(producer), *range(5))
    async with reading(probe, group, in_order=True) as reader:
        assert await read(reader, 5) == [0, 1, 2, 3, 4]
        await database.execute(BACK, group, 8, TOPIC.name)
        await send(Sender(producer), *range(5, 10))
        assert await read(reader, 2) == [8, 9]
        await send(Sender(producer), 10)
        assert await read(reader, 1) == [10]
