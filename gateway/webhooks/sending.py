"""What waits is sent: by the leader alone, in order for each customer, again and again for some hours.

A message may come twice, with the same id; whoever is told keeps the ids. An endpoint that does not answer is left
alone for a while, and holds up no other.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import structlog

from gateway.webhooks.intake import spread
from gateway.webhooks.schemas import Message
from gateway.webhooks.secrets import signed_headers, unseal
from gateway.webhooks.storage import AttemptRepository, DeliveryRepository, SecretRepository, WebhookRepository
from gateway.webhooks.webhook import TYPES, Delivery, DeliveryStatus, Webhook, WebhookMove, WebhookStatus
from libs.common.audit import AuditTrail, Entry
from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.domain import AuthorityStale, NotFound
from libs.common.encryption import FieldCipher
from libs.common.leader import Leadership
from libs.common.logs import where
from libs.common.outbound import Answer, Outbound, Refused
from libs.directory.authority import Directory, DirectoryCaller
from libs.directory.scope import SystemScope

log = structlog.get_logger()

POLL_SECONDS = 0.5
AT_ONCE = 4
"""To one webhook, each of another customer."""
LONGEST_REST_SECONDS, LONGEST_RETRY_AFTER_SECONDS = 60.0, 3600.0
JITTER = 0.2
AGENT = "Guanxi-Webhooks/1"
MEDIA_TYPE = "application/cloudevents+json"
SYSTEM = SystemScope()

# One by one, so that a long queue of one webhook is not read to find the others.
BUSY = """
    SELECT w.id FROM edge.webhooks AS w WHERE w.status = 'active' AND EXISTS (
        SELECT FROM edge.webhook_deliveries AS d
        WHERE d.webhook_id = w.id AND d.status = 'waiting' AND d.due_at <= now())
"""


@dataclass(frozen=True)
class Permitted:
    """A delivery that may be sent now."""

    webhook: Webhook
    delivery: Delivery
    secrets: Sequence[str]


@dataclass(kw_only=True)
class Sender:
    """`back_off` are the seconds between tries; after the last one a delivery has failed."""

    database: Database
    directory: Directory
    trail: AuditTrail
    cipher: FieldCipher
    outbound: Outbound
    back_off: Sequence[float]
    clock: Clock = field(default_factory=Clock)
    _in_a_row: dict[UUID, int] = field(default_factory=dict)
    _rests_until: dict[UUID, float] = field(default_factory=dict)

    async def run(self, leadership: Leadership) -> None:
        connection = await asyncpg.connect(self.database.dsn, timeout=5)
        sending: dict[UUID, asyncio.Task[None]] = {}
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    pulses = leadership.pulses
                    spread_out = await spread(connection)
                    sending = {id_: task for id_, task in sending.items() if not task.done()}
                    for row in await connection.fetch(BUSY):
                        if row["id"] not in sending and self._may_be_tried(row["id"]):
                            sending[row["id"]] = group.create_task(self._drain(row["id"], leadership))
                    if not spread_out:
                        await leadership.sleep(POLL_SECONDS, since=pulses)
        finally:
            connection.terminate()

    def _may_be_tried(self, webhook_id: UUID) -> bool:
        return time.monotonic() >= self._rests_until.get(webhook_id, 0.0)

    async def _drain(self, webhook_id: UUID, leadership: Leadership) -> None:
        """Send what is due, until nothing is or nobody answers. Trouble of one webhook is its own."""
        try:
            while due := await self._due(webhook_id):
                leadership.check()
                if not any(await asyncio.gather(*[self.send(webhook_id, id_) for id_ in due])):
                    self._rest(webhook_id)
                    return
                self._in_a_row.pop(webhook_id, None)
        except AuthorityStale:
            self._rest(webhook_id)
        except Exception as error:  # noqa: BLE001 - whatever it is: the others go on, and this one is tried again
            log.error("webhook not served", webhook=str(webhook_id), error=type(error).__name__, at=where(error))
            self._rest(webhook_id)

    def _rest(self, webhook_id: UUID) -> None:
        failures = self._in_a_row[webhook_id] = self._in_a_row.get(webhook_id, 0) + 1
        self._rests_until[webhook_id] = time.monotonic() + min(2.0**failures, LONGEST_REST_SECONDS)

    async def _due(self, webhook_id: UUID) -> Sequence[UUID]:
        async with self.database.reading(SYSTEM) as uow:
            return await DeliveryRepository(uow).due(webhook_id, self.clock.now(), AT_ONCE)

    async def send(self, webhook_id: UUID, delivery_id: UUID) -> bool:
        """Whether that went well: it was taken, or it may not be told.

        Raises:
            AuthorityStale: nobody can say now whether it may be told.
        """
        message = await self._permitted(webhook_id, delivery_id)
        if message is None:
            await self._withhold(webhook_id, delivery_id)
            return True
        await self.trail.write(_entry(message, self.clock))
        begun, body = time.monotonic(), Message.of(message.delivery).model_dump_json()
        signed = signed_headers(message.secrets, delivery_id, self.clock.now(), body)
        headers = {**signed, "Content-Type": MEDIA_TYPE, "User-Agent": AGENT}
        answer, trouble = None, None
        try:
            answer = await self.outbound.post(
                message.webhook.url, body.encode(), {**headers, "Content-Type": MEDIA_TYPE}
            )
        except Refused as refused:
            trouble = str(refused)
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            trouble = type(error).__name__
        await self._note(message, answer, trouble, time.monotonic() - begun)
        return answer is not None and answer.is_success

    async def _permitted(self, webhook_id: UUID, delivery_id: UUID) -> Permitted | None:
        """The delivery as its partner may see it now."""
        async with self.database.reading(SYSTEM) as uow:
            webhook = await WebhookRepository(uow).get(webhook_id)
        partner = await self.directory.partner(webhook.partner)
        async with self.database.reading(partner.scope(change=False)) as uow:
            try:
                delivery = await DeliveryRepository(uow).get(webhook_id, delivery_id)
            except NotFound:
                return None
            held = await SecretRepository(uow).valid(webhook_id, self.clock.now())
        if not _may_be_told(partner, delivery):
            return None
        return Permitted(webhook, delivery, [unseal(self.cipher, row.secret_sealed, row.id) for row in held])

    async def _withhold(self, webhook_id: UUID, delivery_id: UUID) -> None:
        async with self.database.unit_of_work(SYSTEM) as uow:
            (await DeliveryRepository(uow).get(webhook_id, delivery_id)).withhold()

    async def _note(self, message: Permitted, answer: Answer | None, trouble: str | None, seconds: float) -> None:
        now = self.clock.now()
        async with self.database.unit_of_work(SYSTEM) as uow:
            deliveries = DeliveryRepository(uow)
            delivery = await deliveries.get(message.webhook.id, message.delivery.id)
            delivery.tried(
                reached=answer is not None and answer.is_success, at=now, wait=self._wait(delivery.tries, answer)
            )
            status = answer.status if answer else None
            await AttemptRepository(uow).add(delivery, now, status=status, error=trouble, seconds=seconds)
            if delivery.status is DeliveryStatus.WAITING:
                await deliveries.postpone_followers(delivery)
            if status == HTTPStatus.GONE:
                webhook = await WebhookRepository(uow).get(message.webhook.id)
                if webhook.status in (WebhookStatus.ACTIVE, WebhookStatus.PAUSED):
                    webhook.move(WebhookMove.STOP, "The endpoint answered 410.")

    def _wait(self, tries: int, answer: Answer | None) -> timedelta | None:
        if tries >= len(self.back_off):
            return None
        asked = min((answer.retry_after or 0.0) if answer else 0.0, LONGEST_RETRY_AFTER_SECONDS)
        seconds = self.back_off[tries] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads tries, hides nothing
        return timedelta(seconds=max(seconds, asked))


def _may_be_told(partner: DirectoryCaller, delivery: Delivery) -> bool:
    return delivery.customer_id is None or partner.may(TYPES.get(delivery.type, "no longer offered"))


def _entry(message: Permitted, clock: Clock) -> Entry:
    """That a partner is told is an entry like that of a read; how it went stands in the log of deliveries."""
    webhook, delivery = message.webhook, message.delivery
    told: dict[str, Any] = {"customer_ids": [delivery.customer_id] if delivery.customer_id else []}
    return Entry(
        at=clock.now(),
        service="gateway",
        actor=f"partner {webhook.partner}",
        permission="webhooks:read",
        method="POST",
        route="webhook",
        status=HTTPStatus.OK,
        origin=httpx.URL(webhook.url).host,
        trace_id="",
        thing_ids=[webhook.id, delivery.id],
        **told,
    )
