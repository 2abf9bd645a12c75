"""`/api/v1/campaigns`: what is told to whom, over which channel, and who said that it may."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from libs.common.access import CurrentClock, CurrentStaff, Query, requires
from libs.common.commands import command
from libs.common.database import UnitOfWork
from libs.common.pages import CurrentPage, Page
from services.marketing.api.schemas import CampaignView, NewCampaign
from services.marketing.domain.campaign import Status
from services.marketing.storage.queries import list_campaigns
from services.marketing.storage.repository import CampaignRepository
from services.marketing.use_cases.campaigning import (
    approve_campaign,
    cancel_campaign,
    draft_campaign,
    reject_campaign,
    start_campaign,
    submit_campaign,
)

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])


async def show(uow: UnitOfWork, campaign_id: UUID) -> CampaignView:
    return CampaignView.of(await CampaignRepository(uow).get(campaign_id))


Create = Annotated[UnitOfWork, command(show, conditional=False)]
Change = Annotated[UnitOfWork, command(show, conditional=True)]


@router.post("", status_code=201, dependencies=[requires("campaigns:change")])
async def draft(body: NewCampaign, uow: Create, staff: CurrentStaff, clock: CurrentClock) -> CampaignView:
    values = {**dict(body), "segment": body.segment.value()}
    return uow.answer(CampaignView.of(await draft_campaign(uow, **values, by=staff, at=clock.now())))


@router.get("", dependencies=[requires("campaigns:read")])
async def find(
    uow: Query, page: CurrentPage, code: str | None = None, status: Status | None = None
) -> Page[CampaignView]:
    rows = await list_campaigns(uow, code=code, status=status, after=page.after, limit=page.limit)
    return page.of(uow, [CampaignView.of(row) for row in rows])


@router.get("/{campaign_id}", dependencies=[requires("campaigns:read")])
async def read(campaign_id: UUID, uow: Query) -> CampaignView:
    return uow.answer(await show(uow, campaign_id))


@router.post("/{campaign_id}/submit", dependencies=[requires("campaigns:change")])
async def submit(campaign_id: UUID, uow: Change, clock: CurrentClock) -> CampaignView:
    return uow.answer(CampaignView.of(await submit_campaign(uow, campaign_id, at=clock.now())))


@router.post("/{campaign_id}/approve", dependencies=[requires("campaigns:approve")])
async def approve(campaign_id: UUID, uow: Change, staff: CurrentStaff, clock: CurrentClock) -> CampaignView:
    """By somebody else than its author."""
    return uow.answer(CampaignView.of(await approve_campaign(uow, campaign_id, by=staff, at=clock.now())))


@router.post("/{campaign_id}/reject", dependencies=[requires("campaigns:approve")])
async def reject(campaign_id: UUID, uow: Change, staff: CurrentStaff, clock: CurrentClock) -> CampaignView:
    return uow.answer(CampaignView.of(await reject_campaign(uow, campaign_id, by=staff, at=clock.now())))


@router.post("/{campaign_id}/start", dependencies=[requires("campaigns:change")])
async def start(campaign_id: UUID, uow: Change, clock: CurrentClock) -> CampaignView:
    """Begin to select its members; it finishes by itself behind the last."""
    return uow.answer(CampaignView.of(await start_campaign(uow, campaign_id, at=clock.now())))


@router.post("/{campaign_id}/cancel", dependencies=[requires("campaigns:change")])
async def cancel(campaign_id: UUID, uow: Change, clock: CurrentClock) -> CampaignView:
    return uow.answer(CampaignView.of(await cancel_campaign(uow, campaign_id, at=clock.now())))
