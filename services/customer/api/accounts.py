"""`/api/v1/accounts`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from libs.common.access import CurrentClock, Query, requires
from libs.common.commands import command
from libs.common.database import UnitOfWork
from libs.common.pages import CurrentPage, Page
from services.customer.api.schemas import AccountView, ClosedAccount, NewAccount
from services.customer.storage.queries import list_accounts, read_account
from services.customer.use_cases.accounts import close_account, open_account

router = APIRouter(prefix="/api/v1/accounts", tags=["accounts"])


async def show(uow: UnitOfWork, account_id: UUID) -> AccountView:
    return AccountView.of(await read_account(uow, account_id))


Create = Annotated[UnitOfWork, command(show, conditional=False)]
Change = Annotated[UnitOfWork, command(show, conditional=True)]


@router.post("", status_code=201, dependencies=[requires("accounts:open")])
async def open_(body: NewAccount, uow: Create, clock: CurrentClock) -> AccountView:
    return uow.answer(AccountView.of(await open_account(uow, **dict(body), at=clock.now())))


@router.get("", dependencies=[requires("accounts:read")])
async def find(uow: Query, page: CurrentPage, customer_id: UUID | None = None) -> Page[AccountView]:
    rows = await list_accounts(uow, customer_id=customer_id, after=page.after, limit=page.limit)
    return page.of(uow, [AccountView.of(row) for row in rows])


@router.get("/{account_id}", dependencies=[requires("accounts:read")])
async def read(account_id: UUID, uow: Query) -> AccountView:
    return uow.answer(await show(uow, account_id))


@router.post("/{account_id}/close", dependencies=[requires("accounts:close")])
async def close(account_id: UUID, body: ClosedAccount, uow: Change, clock: CurrentClock) -> AccountView:
    return uow.answer(AccountView.of(await close_account(uow, account_id, body.closed_on, at=clock.now())))
