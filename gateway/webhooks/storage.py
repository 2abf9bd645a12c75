"""Webhooks and deliveries, within the unit of work's scope: of a partner, and of customers who consent to it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, TextClause, exists, func, insert, select, text, update

from gateway.webhooks.tables import webhook_attempts, webhook_deliveries, webhook_secrets, webhooks
from gateway.webhooks.webhook import Delivery, DeliveryStatus, Webhook, WebhookStatus
from libs.common.database import UnitOfWork
from libs.common.domain import NotFound
from libs.common.ids import new_id
from libs.common.listing import matching, newest
from libs.common.schedules import Schedule

WAITS_AT_MOST, KEPT = timedelta(days=3), timedelta(days=30)
AT_ONCE = 1000

ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('webhooks of ' || :partner))")
GIVE_UP = text("""
    UPDATE edge.webhook_deliveries SET status = 'failed', version = version + 1 WHERE status = 'waiting' AND id IN (
        SELECT id FROM edge.webhook_deliveries WHERE status = 'waiting' AND waits_since < :before LIMIT :most)
""")
FORGET_SECRETS = text("""
    DELETE FROM edge.webhook_secrets WHERE id IN (
        SELECT s.id FROM edge.webhook_secrets AS s JOIN edge.webhooks AS w ON w.id = s.webhook_id
        WHERE s.valid_until < :before OR w.status = 'ended' LIMIT :most)
""")
FORGET = text("""
    DELETE FROM edge.webhook_deliveries WHERE id IN (
        SELECT id FROM edge.webhook_deliveries WHERE status <> 'waiting' AND occurred_at < :before LIMIT :most)
""")


class WebhookRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, webhook: Webhook) -> None:
        self._uow.session.add(webhook)

    async def get(self, webhook_id: UUID) -> Webhook:
        within = self._uow.scope.partners(webhooks.c.partner)
        found = await self._uow.session.execute(select(Webhook).where(webhooks.c.id == webhook_id, within))
        webhook = found.scalar_one_or_none()
        if webhook is None:
            raise NotFound.thing("webhook")
        return webhook

    async def get_for_change(self, webhook_id: UUID) -> Webhook:
        webhook = await self.get(webhook_id)
        self._uow.check_version(webhook)
        return webhook

    async def stop(self, webhook_id: UUID, reason: str) -> None:
        """Whoever else changes it at this moment: one statement. One that is stopped or ended stays as it is."""
        w = webhooks.c
        goes_on = w.status.in_([WebhookStatus.ACTIVE, WebhookStatus.PAUSED])
        within = (w.id == webhook_id) & goes_on & self._uow.scope.partners(w.partner)
        stopped = {"status": WebhookStatus.STOPPED, "status_reason": reason, "version": w.version + 1}
        await self._uow.session.execute(update(webhooks).where(within).values(stopped))

    async def count(self, partner: str) -> int:
        """How many a partner has that did not end; until the commit, nobody adds another to them."""
        await self._uow.session.execute(ONE_AT_A_TIME, {"partner": partner})
        w = webhooks.c
        lasting = select(func.count()).where(w.partner == partner, w.status != WebhookStatus.ENDED)
        counted = await self._uow.session.execute(lasting.where(self._uow.scope.partners(w.partner)))
        return counted.scalar_one()


class SecretRepository:
    """The secrets of a webhook, newest first."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def valid(self, webhook_id: UUID, now: datetime) -> Sequence[Any]:
        s = webhook_secrets.c
        lasting = s.valid_until.is_(None) | (s.valid_until > now)
        wanted = select(webhook_secrets).join(webhooks).where(s.webhook_id == webhook_id, lasting)
        within = self._uow.scope.partners(webhooks.c.partner)
        return (await self._uow.session.execute(wanted.where(within).order_by(s.id.desc()))).all()

    async def replace(self, webhook_id: UUID, row: UUID, sealed: bytes, *, at: datetime, until: datetime) -> None:
        """Add one; the newest of those before it stays valid until then, those before that end now."""
        s = webhook_secrets.c
        for place, held in enumerate(await self.valid(webhook_id, at)):
            ends = until if place == 0 else at
            await self._uow.session.execute(update(webhook_secrets).where(s.id == held.id).values(valid_until=ends))
        values = {"id": row, "webhook_id": webhook_id, "secret_sealed": sealed, "made_at": at}
        await self._uow.session.execute(insert(webhook_secrets).values(values))


class DeliveryRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, delivery: Delivery) -> None:
        self._uow.session.add(delivery)

    async def get(self, webhook_id: UUID | None, delivery_id: UUID) -> Delivery:
        """Of that webhook, or of any: about a customer within reach, or about none."""
        d = webhook_deliveries.c
        wanted = select(Delivery).join(webhooks, d.webhook_id == webhooks.c.id).where(d.id == delivery_id)
        within = matching(wanted.where(self._within()), (d.webhook_id, webhook_id))
        found = await self._uow.session.execute(within)
        delivery = found.scalar_one_or_none()
        if delivery is None:
            raise NotFound.thing("delivery")
        return delivery

    async def get_for_change(self, webhook_id: UUID, delivery_id: UUID) -> Delivery:
        delivery = await self.get(webhook_id, delivery_id)
        self._uow.check_version(delivery)
        return delivery

    async def find(
        self,
        *,
        webhook_id: UUID,
        customer_id: UUID | None,
        event_type: str | None,
        status: str | None,
        after: UUID | None,
        limit: int,
    ) -> Sequence[Any]:
        d = webhook_deliveries.c
        wanted = select(webhook_deliveries).join(webhooks, d.webhook_id == webhooks.c.id).where(self._within())
        filters = (d.webhook_id, webhook_id), (d.customer_id, customer_id), (d.type, event_type), (d.status, status)
        return await newest(self._uow, matching(wanted, *filters), d.id, after=after, limit=limit)

    async def due(self, webhook_id: UUID, now: datetime, limit: int) -> Sequence[UUID]:
        """Those whose time has come, and before which none of the same customer waits; the longest due first."""
        d, before = webhook_deliveries.c, webhook_deliveries.alias("before")
        b, waiting = before.c, DeliveryStatus.WAITING
        first = ~exists().where(
            b.webhook_id == d.webhook_id, b.customer_id == d.customer_id, b.status == waiting, b.place < d.place
        )
        wanted = select(d.id).join(webhooks, d.webhook_id == webhooks.c.id)
        wanted = wanted.where(d.webhook_id == webhook_id, d.status == waiting, d.due_at <= now, first)
        rows = await self._uow.session.execute(
            wanted.where(webhooks.c.status == WebhookStatus.ACTIVE, self._within()).order_by(d.due_at).limit(limit)
        )
        return rows.scalars().all()

    async def postpone_followers(self, delivery: Delivery) -> None:
        """What waits behind one that is tried later is not looked at before."""
        d = webhook_deliveries.c
        behind = (d.webhook_id == delivery.webhook_id) & (d.customer_id == delivery.customer_id)
        later = behind & (d.place > delivery.place) & (d.due_at < delivery.due_at)
        reached = d.customer_id.is_(None) | self._uow.scope.customers(d.customer_id)
        changed = update(webhook_deliveries).where(later, d.status == DeliveryStatus.WAITING, reached)
        await self._uow.session.execute(changed.values(due_at=delivery.due_at, version=d.version + 1))

    def _within(self) -> ColumnElement[bool]:
        """Both: a partner reads its own alone, and of those only what it may know by now."""
        customer_id = webhook_deliveries.c.customer_id
        reached = self._uow.scope.customers(customer_id)
        own = self._uow.scope.partners(webhooks.c.partner)
        return own & (customer_id.is_(None) | reached)


class AttemptRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def add(
        self, delivery: Delivery, at: datetime, *, status: int | None, error: str | None, seconds: float
    ) -> None:
        values = {"id": new_id(), "delivery_id": delivery.id, "tried_at": at, "status": status, "error": error}
        made = insert(webhook_attempts).values(**values, milliseconds=round(seconds * 1000))
        await self._uow.session.execute(made)

    async def of(self, delivery: Delivery) -> Sequence[Any]:
        """Oldest first."""
        a, d = webhook_attempts.c, webhook_deliveries.c
        wanted = select(webhook_attempts).join(webhook_deliveries).where(a.delivery_id == delivery.id)
        reached = self._uow.scope.customers(d.customer_id)
        within = wanted.where(d.customer_id.is_(None) | reached)
        return (await self._uow.session.execute(within.order_by(a.id))).all()


async def list_webhooks(uow: UnitOfWork, *, status: str | None, after: UUID | None, limit: int) -> Sequence[Any]:
    w = webhooks.c
    wanted = matching(select(webhooks).where(uow.scope.partners(w.partner)), (w.status, status))
    return await newest(uow, wanted, w.id, after=after, limit=limit)


async def _tidy(statement: TextClause, age: timedelta, uow: UnitOfWork, now: datetime) -> int:
    done = await uow.session.execute(statement, {"before": now - age, "most": AT_ONCE})
    return max(getattr(done, "rowcount", 0), 0)


TIDYING = tuple(
    Schedule(name, partial(_tidy, statement, age), pause=60.0)
    for name, statement, age in (
        ("giving up deliveries", GIVE_UP, WAITS_AT_MOST),
        ("tidying deliveries", FORGET, KEPT),
        ("tidying secrets of webhooks", FORGET_SECRETS, timedelta(0)),
    )
)

QUEUES = {
    "webhook_events": "SELECT count(*), min(received_at) FROM edge.webhook_events",
    "webhook_deliveries": "SELECT count(*), min(waits_since) FROM edge.webhook_deliveries WHERE status = 'waiting'",
}
