"""`/api/v1/interactions`: the timeline, what happened with customers in any service."""

from uuid import UUID

from fastapi import APIRouter

from libs.common.access import Query, requires
from libs.common.pages import CurrentPage, Page
from services.customer.api.histories import InteractionView
from services.customer.storage.interactions import list_interactions

router = APIRouter(prefix="/api/v1/interactions", tags=["interactions"])


@router.get("", dependencies=[requires("interactions:read")])
async def find(
    uow: Query,
    page: CurrentPage,
    customer_id: UUID | None = None,
    service: str | None = None,
    type: str | None = None,  # noqa: A002 - what an event calls it
) -> Page[InteractionView]:
    """Newest first. What an event said is kept as it was said, though the event is gone from its topic."""
    rows = await list_interactions(
        uow, customer_id=customer_id, service=service, type_=type, after=page.after, limit=page.limit
    )
    return page.of(uow, [InteractionView.of(row) for row in rows])
