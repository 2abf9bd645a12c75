"""A topic from its first record to its last, read outside of any group."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from guanxi.local.stack import PARTITIONS
from libs.common.consumer import headers_of
from libs.common.kafka import id_of
from libs.common.topics import WATERMARK


@dataclass(frozen=True)
class Event:
    """An event as its record names it. `key` is the customer where one is concerned."""

    id: UUID
    key: UUID
    subject: str
    sequence: int


async def read_events(bootstrap: str, topic: str) -> list[Event]:
    """In the order of each partition's log, repeats included."""
    return [_event(record) async for record in _read(bootstrap, topic)]


async def last_versions(bootstrap: str, topic: str) -> dict[UUID, int]:
    """What compaction would leave of a topic: each key's last record, by its version."""
    records = [record async for record in _read(bootstrap, topic)]
    documents = [record for record in records if headers_of(record)["ce_type"] != WATERMARK]
    return {id_of(record): int(headers_of(record)["ce_sequence"]) for record in documents}


def without_repeats(events: Iterable[Event]) -> list[Event]:
    """As an inbox sees them: the first of each id."""
    return list({event.id: event for event in events}.values())


def _event(record: ConsumerRecord) -> Event:
    headers = headers_of(record)
    return Event(UUID(headers["ce_id"]), id_of(record), headers["ce_subject"], int(headers["ce_sequence"]))


async def _read(bootstrap: str, topic: str) -> AsyncIterator[ConsumerRecord]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False)
    await consumer.start()
    try:
        parts = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(parts)
        await consumer.seek_to_beginning(*parts)
        ends = await consumer.end_offsets(parts)
        while any([await consumer.position(part) < ends[part] for part in parts]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    yield record
    finally:
        await consumer.stop()
