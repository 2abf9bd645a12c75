"""What a leader sends, many records at once: each has its own failure, and those that Kafka keeps waiting share one."""

from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from libs.common.sender import Record, Sender
from libs.common.topics import Topic
from tests.libs.common.probe import Probe
from tests.topics import make_again

TOPIC = Topic(name="crm.probe.sending.v1")
MOMENT = 500
LARGE = b"x" * 2_000_000


@pytest.fixture
async def producer(probe: Probe) -> AsyncIterator[AIOKafkaProducer]:
    """Impatient."""
    await make_again(probe.settings.kafka, TOPIC)
    async with AIOKafkaProducer(bootstrap_servers=probe.settings.kafka, request_timeout_ms=MOMENT) as made:
        yield made


def record(value: bytes, topic: str = TOPIC.name) -> Record:
    return Record(topic, value, b"k", [])


async def test_one_that_can_never_be_sent_keeps_no_other(producer: AIOKafkaProducer) -> None:
    first, second, third = await Sender(producer).send_each([record(b"1"), record(LARGE), record(b"3")])
    assert (first, third) == (None, None)
    assert isinstance(second, MessageSizeTooLargeError)


async def test_who_cannot_begin_with_one_does_not_wait_for_each_behind_it(producer: AIOKafkaProducer) -> None:
    sent, *failures = await Sender(producer).send_each([record(b"1"), *[record(b"2", "crm.nowhere.v1")] * 100])
    assert sent is None
    assert isinstance(failures[0], KafkaError)
    assert {id(failure) for failure in failures} == {id(failures[0])}


async def test_the_first_failure_of_any_is_raised(producer: AIOKafkaProducer) -> None:
    with pytest.raises(MessageSizeTooLargeError):
        await Sender(producer).send(record(b"1"), record(LARGE))
