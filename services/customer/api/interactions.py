"""`/api/v1/interactions`: the timeline, what happened with customers in any service."""

from uuid import UUID

from fastapi import APIRouter

from libs.common.access import CurrentCaller, Query, requires
from libs.common.pages import CurrentPage, Page
from services.customer.api.schemas import InteractionView
from services.customer.storage.interactions import list_interactions

GUARDED = {
    "crm.access_grant.given.v1": "access_grants:read",
    "crm.access_grant.ended.v1": "access_grants:read",
    "crm.ethical_wall.raised.v1": "ethical_walls:read",
    "crm.ethical_wall.lifted.v1": "ethical_walls:read",
    "crm.pii.revealed.v1": "audit:read",
}
"""What not everybody may know who sees the customer: event type → permission."""

router = APIRouter(prefix="/api/v1/interactions", tags=["interactions"])


@router.get("", dependencies=[requires("interactions:read")])
async def find(
    uow: Query,
    page: CurrentPage,
    caller: CurrentCaller,
    customer_id: UUID | None = None,
    service: str | None = None,
    type: str | None = None,  # noqa: A002 - what an event calls it
) -> Page[InteractionView]:
    """The last that became known first: what the core states of long ago stands where it was heard, with its own time.

    What an event said is kept as it was said, though the event is gone from its topic.
    """
    hidden = [guarded for guarded, permission in GUARDED.items() if not caller.may(permission)]
    rows = await list_interactions(
        uow,
        customer_id=customer_id,
        service=service,
        type_=type,
        hidden=hidden,
        after=page.after,
        limit=page.limit,
    )
    return page.of(uow, [InteractionView.of(row) for row in rows])
