"""`/api/v1/campaign-members`: who is told, and who is left out and why."""

from uuid import UUID

from fastapi import APIRouter

from libs.common.access import Query, requires
from libs.common.pages import CurrentPage, Page
from services.marketing.api.schemas import CampaignMemberView
from services.marketing.domain.member import MemberStatus, Suppression
from services.marketing.storage.queries import list_members
from services.marketing.storage.repository import MemberRepository

router = APIRouter(prefix="/api/v1/campaign-members", tags=["campaign members"])


@router.get("", dependencies=[requires("campaigns:read")])
async def find(
    uow: Query,
    page: CurrentPage,
    campaign_id: UUID | None = None,
    customer_id: UUID | None = None,
    status: MemberStatus | None = None,
    reason: Suppression | None = None,
) -> Page[CampaignMemberView]:
    rows = await list_members(
        uow,
        campaign_id=campaign_id,
        customer_id=customer_id,
        status=status,
        reason=reason,
        after=page.after,
        limit=page.limit,
    )
    return page.of(uow, [CampaignMemberView.of(row) for row in rows])


@router.get("/{member_id}", dependencies=[requires("campaigns:read")])
async def read(member_id: UUID, uow: Query) -> CampaignMemberView:
    return uow.answer(CampaignMemberView.of(await MemberRepository(uow).get(member_id)))
