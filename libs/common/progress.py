"""When each partition was last read to its end: the publishers' watermarks rest on it, and the age of what waits."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError

from libs.common.reader import ANSWERED_WITHIN, Reader

PAUSE_SECONDS = 1.0

CAUGHT_UP = """
    INSERT INTO consumer_progress (topic, partition, caught_up_at)
    SELECT topic, partition, $3 FROM unnest($1::text[], $2::int[]) AS p (topic, partition)
    ON CONFLICT (topic, partition) DO UPDATE SET caught_up_at = excluded.caught_up_at
"""


@dataclass
class Progress:
    """Of a reader whose topics no other reader of this app has."""

    reader: Reader
    _told: float = 0.0

    async def tell(self) -> None:
        """Store it, once a second; what was read must have had its effect by now."""
        if time.monotonic() - self._told < PAUSE_SECONDS:
            return
        self._told = time.monotonic()
        oldest_fetch = datetime.now(UTC).timestamp()
        read: list[TopicPartition] = []
        for part in self.reader.partitions:
            if await self._is_at_its_end(part):
                read.append(part)
                fetched = self.reader.consumer.last_poll_timestamp(part)
                oldest_fetch = min(oldest_fetch, fetched / 1000) if fetched else oldest_fetch
        if read:
            topics, numbers = zip(*read, strict=True)
            told = topics, numbers, datetime.fromtimestamp(oldest_fetch, UTC)
            await self.reader.held.patiently(lambda connection: connection.execute(CAUGHT_UP, *told))

    async def _is_at_its_end(self, part: TopicPartition) -> bool:
        end = self.reader.end(part)
        if end is None or self.reader.lost(part):
            return False
        try:
            async with asyncio.timeout(ANSWERED_WITHIN):
                return bool(await self.reader.consumer.position(part) >= end)
        except IllegalStateError:  # it moved to another member a moment ago
            return False
