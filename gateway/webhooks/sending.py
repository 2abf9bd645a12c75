"""One message to one webhook: may its partner be told now, then signed and sent, and how that went is noted."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

import httpx

from gateway.webhooks.schemas import Message
from gateway.webhooks.secrets import signed_headers, unseal
from gateway.webhooks.storage import AttemptRepository, DeliveryRepository, SecretRepository, WebhookRepository
from gateway.webhooks.webhook import TYPES, Delivery, DeliveryStatus, Webhook, WebhookStatus
from libs.common.audit import AuditTrail, Entry
from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.domain import NotFound
from libs.common.encryption import FieldCipher
from libs.common.outbound import Answer, Outbound, Refused
from libs.directory.authority import Directory
from libs.directory.scope import SystemScope

AT_ONCE = 4
"""To one webhook, each of another customer."""
LONGEST_RETRY_AFTER_SECONDS = 3600.0
JITTER = 0.2
MEDIA_TYPE, AGENT = "application/cloudevents+json", "Guanxi-Webhooks/1"
SYSTEM = SystemScope()


@dataclass(frozen=True)
class Outcome:
    """What came of a message: an answer, or why there is none."""

    answer: Answer | None
    trouble: str | None
    seconds: float

    @property
    def is_taken(self) -> bool:
        return self.answer is not None and self.answer.is_success

    @property
    def status(self) -> int | None:
        return self.answer.status if self.answer else None


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

    async def due(self, webhook_id: UUID) -> Sequence[UUID]:
        async with self.database.reading(SYSTEM) as uow:
            return await DeliveryRepository(uow).due(webhook_id, self.clock.now(), AT_ONCE)

    async def send(self, webhook_id: UUID, delivery_id: UUID, go_on: Callable[[], None]) -> bool:
        """Whether that went well: it was taken, or is not to be told. `go_on` raises where another sends by now.

        Raises:
            AuthorityStale: nobody can say now whether it may be told.
        """
        async with self.database.reading(SYSTEM) as uow:
            webhook = await WebhookRepository(uow).get(webhook_id)
            waiting = (await DeliveryRepository(uow).get(webhook_id, delivery_id)).status is DeliveryStatus.WAITING
        if webhook.status is not WebhookStatus.ACTIVE or not waiting:
            return True
        delivery = await self.permitted(webhook, delivery_id)
        if delivery is None:
            await self._withhold(webhook_id, delivery_id)
            return True
        await self.trail.write(_entry(webhook, delivery, self.clock))
        go_on()
        outcome = await self._post(webhook, delivery)
        await self._note(webhook_id, delivery_id, outcome)
        return outcome.is_taken

    async def permitted(self, webhook: Webhook, delivery_id: UUID) -> Delivery | None:
        """The delivery as its partner may see it now, if it may."""
        partner = await self.directory.partner(webhook.partner)
        async with self.database.reading(partner.scope(change=False)) as uow:
            try:
                delivery = await DeliveryRepository(uow).get(webhook.id, delivery_id)
            except NotFound:
                return None
        of_nobody = delivery.customer_id is None
        return delivery if of_nobody or partner.may(TYPES.get(delivery.type, "no longer offered")) else None

    async def _withhold(self, webhook_id: UUID, delivery_id: UUID) -> None:
        async with self.database.unit_of_work(SYSTEM) as uow:
            (await DeliveryRepository(uow).get(webhook_id, delivery_id)).withhold()

    async def _post(self, webhook: Webhook, delivery: Delivery) -> Outcome:
        now, begun = self.clock.now(), time.monotonic()
        async with self.database.reading(SYSTEM) as uow:
            held = await SecretRepository(uow).valid(webhook.id, now)
        secrets = [unseal(self.cipher, row.secret_sealed, row.id) for row in held]
        body = Message.of(delivery).model_dump_json()
        headers = {
            **signed_headers(secrets, delivery.id, now, body),
            "Content-Type": MEDIA_TYPE,
            "User-Agent": AGENT,
        }
        answer, trouble = None, None
        try:
            answer = await self.outbound.post(webhook.url, body.encode(), headers)
        except Refused as refused:
            trouble = str(refused)
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            trouble = type(error).__name__
        return Outcome(answer, trouble, time.monotonic() - begun)

    async def _note(self, webhook_id: UUID, delivery_id: UUID, outcome: Outcome) -> None:
        now = self.clock.now()
        async with self.database.unit_of_work(SYSTEM) as uow:
            deliveries = DeliveryRepository(uow)
            delivery = await deliveries.get(webhook_id, delivery_id)
            delivery.tried(reached=outcome.is_taken, at=now, wait=self._wait(delivery.tries, outcome.answer))
            await AttemptRepository(uow).add(
                delivery, now, status=outcome.status, error=outcome.trouble, seconds=outcome.seconds
            )
            if delivery.status is DeliveryStatus.WAITING:
                await deliveries.postpone_followers(delivery)
            if outcome.status == HTTPStatus.GONE:
                await WebhookRepository(uow).stop(webhook_id, "The endpoint answered 410.")

    def _wait(self, tries: int, answer: Answer | None) -> timedelta | None:
        if tries >= len(self.back_off):
            return None
        asked = min((answer.retry_after or 0.0) if answer else 0.0, LONGEST_RETRY_AFTER_SECONDS)
        spread_out = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads tries, hides nothing
        return timedelta(seconds=max(self.back_off[tries] * spread_out, asked))


def _entry(webhook: Webhook, delivery: Delivery, clock: Clock) -> Entry:
    """That a partner is told is an entry like that of a read; how it went stands in the log of deliveries."""
    return Entry(
        at=clock.now(),
        service="gateway",
        actor=f"partner {webhook.partner}",
        permission="webhooks:read",
        method="POST",
        route="webhook",
        status=HTTPStatus.OK,
        origin=httpx.URL(webhook.url).raw_host.decode(),
        trace_id="",
        thing_ids=[webhook.id, delivery.id],
        customer_ids=[delivery.customer_id] if delivery.customer_id else [],
    )
