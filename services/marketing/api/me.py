"""`/api/v1/me/points`: what customers earned and spend, signed in as themselves."""

from typing import Annotated

from fastapi import APIRouter

from libs.common.access import CurrentClock, OwnCustomer, Query, requires
from libs.common.commands import command
from libs.common.database import UnitOfWork
from libs.common.pages import CurrentPage, Page
from services.marketing.api.points_accounts import show
from services.marketing.api.schemas import EntryView, PointsAccountView, Spending
from services.marketing.storage.points import PointsRepository
from services.marketing.storage.queries import list_entries
from services.marketing.use_cases.points import spend_points

router = APIRouter(prefix="/api/v1/me", tags=["me"])

Spend = Annotated[UnitOfWork, command(show, conditional=False)]


@router.get("/points", dependencies=[requires("me:read")])
async def own_entries(own: OwnCustomer, uow: Query, page: CurrentPage) -> Page[EntryView]:
    """The ledger, newest first. What there is to spend stands in one's own view."""
    rows = await list_entries(uow, account_id=None, customer_id=own, after=page.after, limit=page.limit)
    return page.of(uow, [EntryView.of(row) for row in rows])


@router.post("/points/spend", dependencies=[requires("me:change")])
async def spend_own(own: OwnCustomer, body: Spending, uow: Spend, clock: CurrentClock) -> PointsAccountView:
    account = await PointsRepository(uow).of_customer(own)
    await spend_points(uow, account, body.points, purpose=body.purpose, at=clock.now())
    return uow.answer(PointsAccountView.of(account))
