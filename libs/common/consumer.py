"""The consumer: a batch of events, one transaction, each event handled once; then the offsets.

A batch that fails is split at the failing event, one that takes too long is halved. What passes (a lost connection, a
deadlock) is tried again in place and order is kept; what cannot pass becomes a dead letter in the same transaction as
its inbox row.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from libs.common.caller import Scope
from libs.common.database import Database, Heard, UnitOfWork
from libs.common.dead_letters import DeadLetters, event_id_of, sequence_of
from libs.common.driver import Statement
from libs.common.kafka import headers_of
from libs.common.logs import where
from libs.common.metrics import CONSUMED
from libs.common.outbox import adapter
from libs.common.reader import ANSWERED_WITHIN, Reader
from libs.common.tracing import continue_trace, handling
from libs.common.transient import contested, passing, slow

log = structlog.get_logger()

BATCH = 500
BATCH_SECONDS = 1.0
"""After so long what is handled is committed: whoever waits for its locks gives up after two seconds."""
PROGRESS_SECONDS = 1.0
BOUNDED_TRIES = 10
TRIES_AS_A_WHOLE = 3
"""A connection that is lost each time may have been cut off because the batch takes too long: try less at once."""
BACK_OFF = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

Handler = Callable[[UnitOfWork, Any], Awaitable[None]]

REMEMBERED = """
    INSERT INTO inbox (event_id, type, subject, sequence) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING RETURNING event_id
"""
REMEMBER = Statement(REMEMBERED, ("id", "type", "subject", "sequence"), {})
CAUGHT_UP = text("""
    INSERT INTO consumer_progress (topic, partition, caught_up_at)
    SELECT topic, partition, :at
    FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[])) AS p (topic, partition)
    ON CONFLICT (topic, partition) DO UPDATE SET caught_up_at = excluded.caught_up_at
""")


@dataclass(frozen=True)
class Subscription:
    """What a service listens to: `types` maps an event type to its dataclass and handler.

    A topic of the bank's own systems carries no CloudEvents headers: `plain` maps it to the one type that it holds.
    Such records have no id; their handlers act only on a newer sequence. `free_of_order` names types whose handlers
    come to the same whenever they act: a dead letter of them may be tried again after later ones.
    """

    topics: Sequence[str]
    types: Mapping[str, tuple[type, Handler]]
    plain: Mapping[str, str] = field(default_factory=dict)
    free_of_order: Collection[str] = ()


class HandlingFailed(Exception):
    """The event at `index` of the batch failed, or where that is None the commit of all."""

    def __init__(self, index: int | None, cause: Exception) -> None:
        super().__init__()
        self.index, self.cause = index, cause


@dataclass
class Consumer:
    database: Database
    reader: Reader
    subscription: Subscription
    scope: Scope
    dead_letters: DeadLetters
    _told: float = 0.0

    async def run(self) -> None:
        async with self.reader.reading():
            while True:
                await self.handle(await self.reader.read(BATCH))
                await self.reader.handled()
                await self._tell_progress()

    async def handle(self, records: list[ConsumerRecord]) -> None:
        """Handle every record, whatever it takes: returns only once each has had its effect or is a dead letter."""
        waits = tries = 0
        while records:
            handled, failure = await self._in_one_transaction(records)
            if failure is None:
                records, waits, tries = records[handled:], 0, 0
                continue
            undivided = len(records) == 1 or waits < TRIES_AS_A_WHOLE
            if passing(failure.cause) and not slow(failure.cause) and undivided:
                await self._back_off(failure.cause, waits)
                waits += 1
            elif len(records) > 1:
                parts, records = _parted(records, failure)
                for part in parts:
                    await self.handle(part)
            elif (contested(failure.cause) or slow(failure.cause)) and tries < BOUNDED_TRIES:
                await self._back_off(failure.cause, tries)
                tries += 1
            else:
                await self._bury(records[0], failure.cause)
                return

    async def _in_one_transaction(self, records: list[ConsumerRecord]) -> tuple[int, HandlingFailed | None]:
        """As many as there is time for; returns how many, or what failed."""
        handled, began = 0, time.monotonic()
        try:
            async with self.database.unit_of_work(self.scope) as uow:
                for handled, record in enumerate(records, start=1):
                    await self._handle_at(uow, handled - 1, record)
                    if time.monotonic() - began > BATCH_SECONDS:
                        break
        except HandlingFailed as failure:
            return 0, failure
        except Exception as error:  # noqa: BLE001 - told to the caller, who decides
            return 0, HandlingFailed(None, error)
        return handled, None

    async def _handle_at(self, uow: UnitOfWork, index: int, record: ConsumerRecord) -> None:
        try:
            CONSUMED.labels(await self._handle_one(uow, record)).inc()
            await uow.session.flush()
        except Exception as error:
            raise HandlingFailed(index, error) from error

    async def _handle_one(self, uow: UnitOfWork, record: ConsumerRecord) -> str:
        headers = headers_of(record)
        type_ = headers.get("ce_type") or self.subscription.plain.get(record.topic, "")
        if type_ not in self.subscription.types:
            return "skipped"
        event_class, handler = self.subscription.types[type_]
        continue_trace(headers.get("traceparent"))
        event = adapter(event_class).validate_json(record.value)
        if "ce_id" in headers and not await self._is_new(uow, type_, headers):
            return "repeated"
        event_id = event_id_of(headers)
        uow.heard = Heard.by(headers.get("ce_source"), event_id, sequence_of(headers)) if event_id else None
        with handling(record.topic):
            await handler(uow, event)
        return "handled"

    async def _is_new(self, uow: UnitOfWork, type_: str, headers: dict[str, str], *, buried: bool = False) -> bool:
        """Remembered with its place among those of its subject, unless it is buried: then it was not handled."""
        place = {"subject": headers.get("ce_subject"), "sequence": sequence_of(headers)}
        told = {"id": UUID(headers["ce_id"]), "type": type_, **(dict.fromkeys(place) if buried else place)}
        return bool(await uow.fetch(REMEMBER, **told))

    async def _bury(self, record: ConsumerRecord, cause: Exception) -> None:
        headers = headers_of(record)
        log.error("dead letter", topic=record.topic, cause=type(cause).__name__, at=where(cause))
        async with self.database.unit_of_work(self.scope) as uow:
            if "ce_id" in headers:
                with contextlib.suppress(ValueError):
                    await self._is_new(uow, headers.get("ce_type", ""), headers, buried=True)
            await self.dead_letters.raise_one(uow, record, headers, cause)

    async def _back_off(self, cause: Exception, attempt: int) -> None:
        log.warning("waiting to try again", cause=type(cause).__name__, attempt=attempt)
        await asyncio.sleep(BACK_OFF[min(attempt, len(BACK_OFF) - 1)])

    async def _tell_progress(self) -> None:
        """Store when each partition was last read to its end: the publishers' watermarks rest on it."""
        if time.monotonic() - self._told < PROGRESS_SECONDS:
            return
        read: list[TopicPartition] = []
        oldest_fetch = datetime.now(UTC).timestamp()
        consumer = self.reader.consumer
        for part in self.reader.partitions:
            end = self.reader.end(part)
            if end is None or self.reader.lost(part):
                continue
            try:
                async with asyncio.timeout(ANSWERED_WITHIN):
                    position = await consumer.position(part)
            except IllegalStateError:  # it moved to another member a moment ago
                continue
            if position >= end:
                read.append(part)
                fetched = consumer.last_poll_timestamp(part)
                oldest_fetch = min(oldest_fetch, fetched / 1000) if fetched else oldest_fetch
        await self._store_progress(read, datetime.fromtimestamp(oldest_fetch, UTC))

    async def _store_progress(self, read: list[TopicPartition], at: datetime) -> None:
        self._told = time.monotonic()
        if not read:
            return
        topics, partitions = [p.topic for p in read], [p.partition for p in read]
        try:
            async with self.database.engine.begin() as connection:
                await connection.execute(CAUGHT_UP, {"topics": topics, "partitions": partitions, "at": at})
        except (DBAPIError, OSError) as error:
            log.warning("progress not stored", cause=type(error).__name__)


def _parted(
    records: list[ConsumerRecord], failure: HandlingFailed
) -> tuple[list[list[ConsumerRecord]], list[ConsumerRecord]]:
    """What to handle part by part, and what comes after it: the failing record goes alone, in its place."""
    if slow(failure.cause) or passing(failure.cause):
        half = len(records) // 2
        return [records[:half]], records[half:]
    if failure.index is None:  # the commit itself: who is to blame shows one by one
        return [[record] for record in records], []
    return [records[: failure.index], [records[failure.index]]], records[failure.index + 1 :]
