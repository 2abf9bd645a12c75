"""Topics read whole: from the start to where they end now, beside those who follow them."""

from collections.abc import AsyncIterator, Mapping

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from libs.common.reader import FETCH_MILLISECONDS

AT_ONCE = 2000


async def read_to_the_end(consumer: AIOKafkaConsumer) -> AsyncIterator[tuple[list[ConsumerRecord], int, int]]:
    """Every record of the partitions that `consumer` has, from their start to where they end now.

    Yields records, how many were read so far, and how many are left.
    """
    ends, read = await _rewind(consumer), 0
    while left := await _left(consumer, ends):
        fetched = await consumer.getmany(timeout_ms=FETCH_MILLISECONDS, max_records=AT_ONCE)
        records = [record for part in fetched.values() for record in part]
        read += len(records)
        yield records, read, max(0, left - len(records))


async def _left(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> int:
    return sum([max(0, end - await consumer.position(part)) for part, end in ends.items()])


async def _rewind(consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
    """Go back to the start of every partition; returns where each ends now."""
    parts = sorted(consumer.assignment())
    await consumer.seek_to_beginning(*parts)
    ends: dict[TopicPartition, int] = await consumer.end_offsets(parts)
    return ends
