"""What waits is sent: by the leader alone, in order for each customer, again and again for some hours.

A message may come twice, with the same id; whoever is told keeps the ids. An endpoint that does not answer is left
alone for a while, and holds up no other.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from gateway.webhooks.intake import spread
from gateway.webhooks.sending import Sender
from libs.common.domain import AuthorityStale
from libs.common.leader import Leadership, LeadershipLost
from libs.common.logs import where
from libs.common.transient import passing

log = structlog.get_logger()

POLL_SECONDS = 0.5
LONGEST_REST, DOUBLINGS = 60.0, 6
"""Seconds that an endpoint is left alone: doubled each time that nobody answers, so often at most."""

# One by one, so that a long queue of one webhook is not read to find the others.
BUSY = """
    SELECT w.id FROM edge.webhooks AS w WHERE w.status = 'active' AND EXISTS (
        SELECT FROM edge.webhook_deliveries AS d
        WHERE d.webhook_id = w.id AND d.status = 'waiting' AND d.due_at <= now())
"""


@dataclass
class _Rest:
    failures: int = 0
    until: float = 0.0


@dataclass
class Dispatcher:
    sender: Sender
    _connection: Any = None
    _sending: dict[UUID, asyncio.Task[None]] = field(default_factory=dict)
    _rests: dict[UUID, _Rest] = field(default_factory=dict)

    async def run(self, leadership: Leadership) -> None:
        """One term. What is on its way ends with it."""
        self._sending, self._rests = {}, {}
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    pulses = leadership.pulses
                    if not await self._poll(group, leadership):
                        await leadership.sleep(POLL_SECONDS, since=pulses)
        finally:
            self._hang_up()

    async def _poll(self, group: asyncio.TaskGroup, leadership: Leadership) -> int:
        """Returns how many events became deliveries. A database that is away ends nothing that is on its way."""
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncpg.connect(self.sender.database.dsn, timeout=5)
            spread_out = await spread(self._connection)
            busy = [row["id"] for row in await self._connection.fetch(BUSY)]
        except Exception as error:
            if not passing(error):
                raise
            log.warning("webhooks wait for the database", cause=type(error).__name__)
            self._hang_up()
            return 0
        self._sending = {id_: task for id_, task in self._sending.items() if not task.done()}
        for webhook_id in busy:
            if webhook_id not in self._sending and time.monotonic() >= self._rests.get(webhook_id, _Rest()).until:
                self._sending[webhook_id] = group.create_task(self._drain(webhook_id, leadership))
        return spread_out

    async def _drain(self, webhook_id: UUID, leadership: Leadership) -> None:
        """Send what is due, until nothing is or nobody answers. Trouble of one webhook is its own."""
        try:
            while due := await self.sender.due(webhook_id):
                if not await self._round(webhook_id, due, leadership):
                    self._rest(webhook_id)
                    return
                self._rests.pop(webhook_id, None)
        except (AuthorityStale, LeadershipLost):
            self._rest(webhook_id)
        except Exception as error:  # noqa: BLE001 - whatever it is: the others go on, and this one is tried again
            log.error("webhook not served", webhook=str(webhook_id), error=type(error).__name__, at=where(error))
            self._rest(webhook_id)

    async def _round(self, webhook_id: UUID, due: Sequence[UUID], leadership: Leadership) -> bool:
        """Whether any was taken. All come to their end, also beside one that fails: none is sent anew meanwhile."""
        sent = [self.sender.send(webhook_id, delivery_id, leadership.check) for delivery_id in due]
        outcomes = await asyncio.gather(*sent, return_exceptions=True)
        for error in outcomes:
            if isinstance(error, Exception):
                raise error
        return any(outcome is True for outcome in outcomes)

    def _rest(self, webhook_id: UUID) -> None:
        rest = self._rests.setdefault(webhook_id, _Rest())
        rest.failures = min(rest.failures + 1, DOUBLINGS)
        rest.until = time.monotonic() + min(2.0**rest.failures, LONGEST_REST)

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
