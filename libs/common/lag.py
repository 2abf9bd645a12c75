"""How much lies in a reader's partitions that has not had its effect yet."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from libs.common.metrics import CONSUMER_LAG

log = structlog.get_logger()

PAUSE_SECONDS = 5.0


class Lag:
    """Told when records are taken and when they were handled, and in between: who is held up by one takes no others."""

    def __init__(self, group: str, consumer: AIOKafkaConsumer) -> None:
        self._group, self._consumer = group, consumer
        self._in_hand: dict[TopicPartition, tuple[int, int, int]] = {}
        """The first record's place, that behind the last, and where the partition ended then."""

    def take(self, part: TopicPartition, records: Sequence[ConsumerRecord], end: int | None) -> None:
        first, behind = records[0].offset, records[-1].offset + 1
        self._in_hand[part] = first, behind, max(end or 0, behind)
        self._tell(part, self._in_hand[part][2] - first)

    def handled(self) -> None:
        """What was taken has had its effect."""
        taken, self._in_hand = self._in_hand, {}
        for part, (_, behind, end) in taken.items():
            self._tell(part, end - behind)

    def forget(self, parts: Iterable[TopicPartition]) -> None:
        """How far behind we were with them is somebody else's to tell now."""
        for part in parts:
            self._in_hand.pop(part, None)
            with contextlib.suppress(KeyError):
                CONSUMER_LAG.remove(self._group, part.topic, str(part.partition))

    @asynccontextmanager
    async def measured(self, ours: Callable[[], Sequence[TopicPartition]]) -> AsyncIterator[None]:
        """Ask Kafka from time to time where the partitions end that are ours at that moment."""
        measuring = asyncio.create_task(self._keep_measuring(ours))
        try:
            yield
        finally:
            measuring.cancel()

    async def _keep_measuring(self, ours: Callable[[], Sequence[TopicPartition]]) -> None:
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                await self._measure(ours)
            except Exception as error:  # noqa: BLE001 - Kafka is away, or a partition has moved: it is asked again
                log.warning("lag not measured", reader=self._group, error=type(error).__name__)

    async def _measure(self, ours: Callable[[], Sequence[TopicPartition]]) -> None:
        if not (parts := ours()):
            return
        async with asyncio.timeout(PAUSE_SECONDS):
            ends = await self._consumer.end_offsets(parts)
            places = {part: await self._consumer.position(part) for part in parts}
        for part in ours():
            if part in ends:
                first, _, _ = self._in_hand.get(part, (places[part], 0, 0))
                self._tell(part, max(0, ends[part] - first))

    def _tell(self, part: TopicPartition, waiting: int) -> None:
        CONSUMER_LAG.labels(self._group, part.topic, part.partition).set(waiting)
