"""Records of a topic stored as they come, in batches; then the offsets. What is stored twice must be harmless."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from libs.common.consumer import FETCH_MILLISECONDS
from libs.common.kafka import commit_offsets
from libs.common.metrics import RECORDS_REFUSED
from libs.common.transient import passing

log = structlog.get_logger()

BATCH = 1000
RETRY_SECONDS = 0.5

Store = Callable[[Any, list[ConsumerRecord]], Awaitable[None]]
"""Takes a connection of the driver; one transaction."""


@dataclass
class Collector:
    dsn: str
    consumer: AIOKafkaConsumer
    store: Store
    _held: Any = None

    async def run(self) -> None:
        await self.consumer.start()
        try:
            while True:
                fetched = await self.consumer.getmany(timeout_ms=FETCH_MILLISECONDS, max_records=BATCH)
                records = [record for part in fetched.values() for record in part]
                if records:
                    await self._store(records)
                await commit_offsets(self.consumer, fetched)
        finally:
            self._hang_up()
            await self.consumer.stop()

    async def _store(self, records: list[ConsumerRecord]) -> None:
        while True:
            try:
                if self._held is None or self._held.is_closed():
                    self._held = await asyncpg.connect(self.dsn, timeout=5)
                await self.store(self._held, records)
            except Exception as error:  # noqa: BLE001 - what does not pass is looked at record by record
                if not passing(error):
                    await self._store_apart(records, error)
                    return
                log.warning("records wait for the database", cause=type(error).__name__)
                self._hang_up()
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _store_apart(self, records: list[ConsumerRecord], error: Exception) -> None:
        """What the database itself refuses is left out, and holds up nobody else's."""
        if len(records) > 1:
            for record in records:
                await self._store([record])
            return
        refuse(records[0], error)

    def _hang_up(self) -> None:
        if self._held is not None:
            self._held.terminate()
            self._held = None


def refuse(record: ConsumerRecord, error: Exception) -> None:
    """Count and tell a record that cannot be stored; it stays on its topic."""
    RECORDS_REFUSED.labels(record.topic).inc()
    place = {"topic": record.topic, "partition": record.partition, "position": record.offset}
    log.error("record refused", **place, error=type(error).__name__)
