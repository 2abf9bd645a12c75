"""`/api/v1/points-accounts`: what customers have earned, and what it was spent on."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from libs.common.access import CurrentClock, Query, requires
from libs.common.commands import command
from libs.common.database import UnitOfWork
from libs.common.pages import CurrentPage, Page
from services.marketing.api.schemas import EntryView, PointsAccountView, Spending
from services.marketing.storage.points import PointsRepository
from services.marketing.storage.queries import list_entries, list_points_accounts
from services.marketing.use_cases.points import spend_points

router = APIRouter(prefix="/api/v1/points-accounts", tags=["points"])


async def show(uow: UnitOfWork, account_id: UUID) -> PointsAccountView:
    return PointsAccountView.of(await PointsRepository(uow).get(account_id))


Spend = Annotated[UnitOfWork, command(show, conditional=False)]


@router.get("", dependencies=[requires("points:read")])
async def find(uow: Query, page: CurrentPage, customer_id: UUID | None = None) -> Page[PointsAccountView]:
    rows = await list_points_accounts(uow, customer_id=customer_id, after=page.after, limit=page.limit)
    return page.of(uow, [PointsAccountView.of(row) for row in rows])


@router.get("/{account_id}", dependencies=[requires("points:read")])
async def read(account_id: UUID, uow: Query) -> PointsAccountView:
    return uow.answer(await show(uow, account_id))


@router.get("/{account_id}/entries", dependencies=[requires("points:read")])
async def entries(account_id: UUID, uow: Query, page: CurrentPage) -> Page[EntryView]:
    """The ledger, newest first."""
    await PointsRepository(uow).get(account_id)
    rows = await list_entries(uow, account_id=account_id, customer_id=None, after=page.after, limit=page.limit)
    return page.of(uow, [EntryView.of(row) for row in rows])


@router.post("/{account_id}/spend", dependencies=[requires("points:spend")])
async def spend(account_id: UUID, body: Spending, uow: Spend, clock: CurrentClock) -> PointsAccountView:
    """Those that expire first go first. It needs no If-Match: whoever spends at once spends one after the other."""
    account = await PointsRepository(uow).locked(account_id)
    await spend_points(uow, account, body.points, purpose=body.purpose, at=clock.now())
    return uow.answer(PointsAccountView.of(account))
