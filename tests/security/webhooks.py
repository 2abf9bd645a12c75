"""Reads of webhooks: whose they are, and of which customers they tell."""

from uuid import UUID

from sqlalchemy import select

from gateway.webhooks import tables
from gateway.webhooks.storage import (
    AttemptRepository,
    DeliveryRepository,
    SecretRepository,
    WebhookRepository,
    list_webhooks,
)
from gateway.webhooks.webhook import Delivery
from libs.common.database import UnitOfWork
from tests.security.bank import ANOTHER, ANOTHERS_DELIVERY, CUSTOMER_IDS, PARTNER, THING_IDS, WEBHOOK_IDS
from tests.security.reads import NAMES, NOW, Read, each_of

LATER = NOW.replace(year=NOW.year + 1)


async def attempts(uow: UnitOfWork) -> set[str]:
    async def tried(name: str) -> object:
        return await AttemptRepository(uow).of(delivery_of(CUSTOMER_IDS[name], id_=THING_IDS[name]))

    return await each_of({**THING_IDS}, tried)


async def postponed(uow: UnitOfWork) -> set[str]:
    for customer_id in CUSTOMER_IDS.values():
        await DeliveryRepository(uow).postpone_followers(delivery_of(customer_id))
    d = tables.webhook_deliveries.c
    moved = select(d.customer_id).where(d.due_at == LATER)
    return {NAMES[id_] for id_ in (await uow.session.execute(moved)).scalars()}


def delivery_of(customer_id: UUID, id_: UUID | None = None) -> Delivery:
    webhook_id = WEBHOOK_IDS[PARTNER]
    return Delivery(
        id=id_ or webhook_id, webhook_id=webhook_id, event_id=webhook_id, type="", customer_id=customer_id,
        subject=webhook_id, sequence=1, occurred_at=NOW, due_at=LATER, waits_since=NOW, place=-1,
    )  # fmt: skip


async def webhooks(uow: UnitOfWork) -> set[str]:
    return await each_of({**WEBHOOK_IDS}, lambda name: WebhookRepository(uow).get(WEBHOOK_IDS[name]))


async def webhooks_counted(uow: UnitOfWork) -> set[str]:
    return await each_of({**WEBHOOK_IDS}, lambda name: WebhookRepository(uow).count(name))


async def webhooks_listed(uow: UnitOfWork) -> set[str]:
    rows = await list_webhooks(uow, status=None, after=None, limit=1000)
    return {row.partner for row in rows if row.id in WEBHOOK_IDS.values()}


async def webhooks_stopped(uow: UnitOfWork) -> set[str]:
    for webhook_id in WEBHOOK_IDS.values():
        await WebhookRepository(uow).stop(webhook_id, "tried")
    w = tables.webhooks.c
    stopped = select(w.partner).where(w.status_reason == "tried")
    return set((await uow.session.execute(stopped)).scalars())


async def secrets(uow: UnitOfWork) -> set[str]:
    return await each_of({**WEBHOOK_IDS}, lambda name: SecretRepository(uow).valid(WEBHOOK_IDS[name], NOW))


async def deliveries(uow: UnitOfWork) -> set[str]:
    """Of a customer whom everybody reaches who may see the webhook."""
    held, consented = DeliveryRepository(uow), {PARTNER: THING_IDS["consented"], ANOTHER: ANOTHERS_DELIVERY}
    return await each_of({**consented}, lambda name: held.get(None, consented[name]))


READS = {
    "storage attempts": Read("gateway", attempts),
    "storage deliveries postponed": Read("gateway", postponed),
    "storage webhooks": Read("gateway", webhooks, "partners"),
    "storage webhooks counted": Read("gateway", webhooks_counted, "partners"),
    "storage webhooks listed": Read("gateway", webhooks_listed, "partners"),
    "storage webhooks stopped": Read("gateway", webhooks_stopped, "partners"),
    "storage secrets": Read("gateway", secrets, "partners"),
    "storage deliveries": Read("gateway", deliveries, "partners"),
}
