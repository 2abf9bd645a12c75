"""`/api/v1/webhooks/{webhook_id}/deliveries`: what a partner was told, how that went, and once more where it wants."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from gateway.webhooks.api import PREFIX, TAGS
from gateway.webhooks.schemas import DeliveryView
from gateway.webhooks.storage import AttemptRepository, DeliveryRepository, WebhookRepository
from gateway.webhooks.use_cases import ping_webhook, send_again
from gateway.webhooks.webhook import DeliveryStatus
from libs.common.access import CurrentClock, Query, requires
from libs.common.commands import command
from libs.common.database import UnitOfWork
from libs.common.pages import CurrentPage, Page

router = APIRouter(prefix=PREFIX, tags=list(TAGS))


async def show(uow: UnitOfWork, delivery_id: UUID) -> DeliveryView:
    return DeliveryView.of(await DeliveryRepository(uow).get(None, delivery_id))


Create = Annotated[UnitOfWork, command(show, conditional=False)]
Change = Annotated[UnitOfWork, command(show, conditional=True, of_readers=True)]


@router.post("/{webhook_id}/ping", status_code=202, dependencies=[requires("webhooks:change")])
async def ping(webhook_id: UUID, uow: Create, clock: CurrentClock) -> DeliveryView:
    """Try the endpoint with a message that tells of nobody."""
    return uow.answer(DeliveryView.of(await ping_webhook(uow, webhook_id, at=clock.now())))


@router.get("/{webhook_id}/deliveries", dependencies=[requires("webhooks:read")])
async def find_deliveries(
    webhook_id: UUID,
    uow: Query,
    page: CurrentPage,
    customer_id: UUID | None = None,
    event_type: str | None = None,
    status: DeliveryStatus | None = None,
) -> Page[DeliveryView]:
    """The log of the last 30 days, newest first; of customers who consent by now."""
    await WebhookRepository(uow).get(webhook_id)
    rows = await DeliveryRepository(uow).find(
        webhook_id=webhook_id,
        customer_id=customer_id,
        event_type=event_type,
        status=status,
        after=page.after,
        limit=page.limit,
    )
    return page.of(uow, [DeliveryView.of(row) for row in rows])


@router.get("/{webhook_id}/deliveries/{delivery_id}", dependencies=[requires("webhooks:read")])
async def read_delivery(webhook_id: UUID, delivery_id: UUID, uow: Query) -> DeliveryView:
    delivery = await DeliveryRepository(uow).get(webhook_id, delivery_id)
    return uow.answer(DeliveryView.of(delivery, list(await AttemptRepository(uow).of(delivery))))


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver", status_code=202, dependencies=[requires("webhooks:change")]
)
async def redeliver(webhook_id: UUID, delivery_id: UUID, uow: Change, clock: CurrentClock) -> DeliveryView:
    """Send it again as it was, with the same ids."""
    return uow.answer(DeliveryView.of(await send_again(uow, webhook_id, delivery_id, at=clock.now())))
