"""Records of a topic stored as they come, in batches; then the offsets. What is stored twice must be harmless."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import ConsumerRecord

from libs.common.metrics import RECORDS_REFUSED
from libs.common.progress import Progress
from libs.common.reader import Reader

log = structlog.get_logger()

BATCH = 1000

Store = Callable[[Any, list[ConsumerRecord]], Awaitable[None]]
"""Takes a connection of the driver; one transaction."""


@dataclass
class Collector:
    reader: Reader
    store: Store

    async def run(self) -> None:
        progress = Progress(self.reader)
        async with self.reader.reading():
            while True:
                if records := await self.reader.read(BATCH):
                    await self._store(records)
                await self.reader.handled()
                await progress.tell()

    async def _store(self, records: list[ConsumerRecord]) -> None:
        try:
            await self.reader.effects.patiently(lambda connection: self.store(connection, records))
        except Exception as error:  # noqa: BLE001 - what does not pass is looked at record by record
            await self._store_apart(records, error)

    async def _store_apart(self, records: list[ConsumerRecord], error: Exception) -> None:
        """What the database itself refuses is left out, and holds up nobody else's."""
        if len(records) > 1:
            for record in records:
                await self._store([record])
            return
        refuse(records[0], error)


def refuse(record: ConsumerRecord, error: Exception) -> None:
    """Count and tell a record that cannot be stored; it stays on its topic."""
    RECORDS_REFUSED.labels(record.topic).inc()
    place = {"topic": record.topic, "partition": record.partition, "position": record.offset}
    log.error("record refused", **place, error=type(error).__name__)
