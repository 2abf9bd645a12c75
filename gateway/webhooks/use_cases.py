"""What a partner does with its webhooks. Units of work are opened and ended by whoever calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from gateway.webhooks.secrets import new_secret, seal, unseal
from gateway.webhooks.storage import DeliveryRepository, SecretRepository, WebhookRepository
from gateway.webhooks.webhook import PING, Delivery, Webhook, WebhookMove, WebhookStatus, known
from libs.common.database import UnitOfWork
from libs.common.domain import Conflict, InvalidValue
from libs.common.encryption import FieldCipher
from libs.common.ids import new_id
from libs.common.outbound import Outbound, Refused


@dataclass(frozen=True)
class Secret:
    """`valid_until` is null for the newest."""

    secret: str
    made_at: datetime
    valid_until: datetime | None


@dataclass(frozen=True)
class Webhooks:
    outbound: Outbound
    cipher: FieldCipher
    most_of_one: int

    async def register(
        self, uow: UnitOfWork, *, partner: str, url: str, types: Sequence[str], description: str, at: datetime
    ) -> Webhook:
        """Begin to tell a partner; its first secret is made with it.

        Raises:
            InvalidValue: nothing may be sent to that URL, or a type is unknown.
            Conflict: it has as many as it may.
        """
        self._check(url)
        webhook = Webhook(
            id=new_id(), partner=partner, url=url, types=known(types), description=description, created_at=at
        )
        if await WebhookRepository(uow).count(partner) >= self.most_of_one:
            raise Conflict(f"There are {self.most_of_one} webhooks of yours already; end one of them.")
        WebhookRepository(uow).add(webhook)
        await uow.session.flush()
        await self._add_secret(uow, webhook.id, at=at, until=at)
        return webhook

    async def describe(
        self, uow: UnitOfWork, webhook_id: UUID, *, url: str, types: Sequence[str], description: str
    ) -> Webhook:
        self._check(url)
        webhook = await WebhookRepository(uow).get_for_change(webhook_id)
        webhook.describe(url=url, types=types, description=description)
        return webhook

    async def change_secret(self, uow: UnitOfWork, webhook_id: UUID, overlap: timedelta, *, at: datetime) -> Webhook:
        """Sign with another secret as well, and after `overlap` with that one alone."""
        webhook = await WebhookRepository(uow).get_for_change(webhook_id)
        webhook.change_secret()
        await self._add_secret(uow, webhook_id, at=at, until=at + overlap)
        return webhook

    async def secrets(self, uow: UnitOfWork, webhook_id: UUID, *, at: datetime) -> list[Secret]:
        """The valid ones, newest first."""
        held = await SecretRepository(uow).valid(webhook_id, at)
        return [Secret(unseal(self.cipher, row.secret_sealed, row.id), row.made_at, row.valid_until) for row in held]

    async def _add_secret(self, uow: UnitOfWork, webhook_id: UUID, *, at: datetime, until: datetime) -> None:
        row = new_id()
        sealed = seal(self.cipher, new_secret(), row)
        await SecretRepository(uow).replace(webhook_id, row, sealed, at=at, until=until)

    def _check(self, url: str) -> None:
        try:
            self.outbound.check(url)
        except Refused as refused:
            raise InvalidValue("url", str(refused)) from None


async def move_webhook(uow: UnitOfWork, webhook_id: UUID, move: WebhookMove) -> Webhook:
    webhook = await WebhookRepository(uow).get_for_change(webhook_id)
    webhook.move(move)
    return webhook


async def ping_webhook(uow: UnitOfWork, webhook_id: UUID, *, at: datetime) -> Delivery:
    """Send a message that tells of nobody, to try the endpoint."""
    webhook = await WebhookRepository(uow).get(webhook_id)
    if webhook.status is not WebhookStatus.ACTIVE:
        raise Conflict(f"The webhook is {webhook.status}: nothing is sent to it now.")
    delivery = Delivery(
        id=new_id(),
        webhook_id=webhook_id,
        event_id=new_id(),
        type=PING,
        customer_id=None,
        subject=webhook_id,
        sequence=webhook.version,
        occurred_at=at,
        due_at=at,
        waits_since=at,
    )
    DeliveryRepository(uow).add(delivery)
    return delivery


async def send_again(uow: UnitOfWork, webhook_id: UUID, delivery_id: UUID, *, at: datetime) -> Delivery:
    webhook = await WebhookRepository(uow).get(webhook_id)
    delivery = await DeliveryRepository(uow).get_for_change(webhook_id, delivery_id)
    if webhook.status is WebhookStatus.ENDED:
        raise Conflict("The webhook has ended: nothing is sent to it any more.")
    delivery.send_again(at=at)
    return delivery
