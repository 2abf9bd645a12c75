"""The consumer: a batch of events, one transaction, each event handled once; then the offsets.

A batch that fails is split at the failing event, and halved where that is not known, or where it takes too long. What
passes (a lost connection, a deadlock) is tried again in place and order is kept; what cannot pass becomes a dead letter
in the same transaction as its inbox row.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from aiokafka import ConsumerRecord

from libs.common.caller import Scope
from libs.common.database import Database, UnitOfWork
from libs.common.dead_letters import DeadLetters
from libs.common.hearing import Received, Subscription, remember_ids
from libs.common.logs import where
from libs.common.progress import Progress
from libs.common.reader import Reader
from libs.common.transient import contested, passing, slow

log = structlog.get_logger()

BATCH = 500
BATCH_SECONDS = 1.0
"""After so long what is handled is committed: whoever waits for its locks gives up after two seconds."""
BOUNDED_TRIES = 10
TRIES_AS_A_WHOLE = 3
"""A connection that is lost each time may have been cut off because the batch takes too long: try less at once."""
BACK_OFF = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class HandlingFailed(Exception):
    """The event at `index` of the batch failed, or where that is None several together, or the commit of all."""

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

    async def run(self) -> None:
        progress = Progress(self.reader)
        async with self.reader.reading():
            while True:
                await self.handle(await self.reader.read(BATCH))
                await self.reader.handled()
                await progress.tell()

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
                for run in self.subscription.runs(records):
                    await self._handle_at(uow, handled, run)
                    handled += len(run)
                    if time.monotonic() - began > BATCH_SECONDS:
                        break
        except HandlingFailed as failure:
            return 0, failure
        except Exception as error:  # noqa: BLE001 - told to the caller, who decides
            return 0, HandlingFailed(None, error)
        return handled, None

    async def _handle_at(self, uow: UnitOfWork, index: int, run: Sequence[Received]) -> None:
        try:
            await self.subscription.hear(uow, run)
            await uow.session.flush()
        except Exception as error:
            raise HandlingFailed(index if len(run) == 1 else None, error) from error

    async def _bury(self, record: ConsumerRecord, cause: Exception) -> None:
        received = self.subscription.received(record)
        log.error("dead letter", topic=record.topic, cause=type(cause).__name__, at=where(cause))
        async with self.database.unit_of_work(self.scope) as uow:
            with contextlib.suppress(ValueError):
                await remember_ids(uow, [received], buried=True)
            await self.dead_letters.raise_one(uow, record, received.headers, cause)

    async def _back_off(self, cause: Exception, attempt: int) -> None:
        log.warning("waiting to try again", cause=type(cause).__name__, attempt=attempt)
        await asyncio.sleep(BACK_OFF[min(attempt, len(BACK_OFF) - 1)])


def _parted(
    records: list[ConsumerRecord], failure: HandlingFailed
) -> tuple[list[list[ConsumerRecord]], list[ConsumerRecord]]:
    """What to handle part by part, and what comes after it: the failing record goes alone, in its place."""
    if slow(failure.cause) or passing(failure.cause) or failure.index is None:
        half = len(records) // 2  # where it was the commit itself, who is to blame shows in the end
        return [records[:half]], records[half:]
    return [records[: failure.index], [records[failure.index]]], records[failure.index + 1 :]
