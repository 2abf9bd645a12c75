"""`/api/v1/access-grants`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from libs.common.access import CurrentCaller, CurrentClock, Query, requires
from libs.common.commands import command
from libs.common.database import UnitOfWork
from libs.common.pages import CurrentPage, Page
from services.manager.api.schemas import AccessGrantView, NewAccessGrant, Reason
from services.manager.storage.queries import list_access_grants
from services.manager.storage.repository import AccessGrantRepository
from services.manager.use_cases.granting import end_access, give_access

router = APIRouter(prefix="/api/v1/access-grants", tags=["access grants"])


async def show(uow: UnitOfWork, grant_id: UUID) -> AccessGrantView:
    return AccessGrantView.of(await AccessGrantRepository(uow).get(grant_id))


Create = Annotated[UnitOfWork, command(show, conditional=False)]
Change = Annotated[UnitOfWork, command(show, conditional=True)]


@router.post("", status_code=201, dependencies=[requires("access_grants:change")])
async def give(body: NewAccessGrant, uow: Create, caller: CurrentCaller, clock: CurrentClock) -> AccessGrantView:
    grant = await give_access(uow, **dict(body), by=caller.staff_id, at=clock.now())
    return uow.answer(AccessGrantView.of(grant))


@router.get("", dependencies=[requires("access_grants:read")])
async def find(
    uow: Query,
    page: CurrentPage,
    customer_id: UUID | None = None,
    staff_id: UUID | None = None,
    *,
    lasting: bool | None = None,
) -> Page[AccessGrantView]:
    rows = await list_access_grants(
        uow, customer_id=customer_id, staff_id=staff_id, lasting=lasting, after=page.after, limit=page.limit
    )
    return page.of(uow, [AccessGrantView.of(row) for row in rows])


@router.get("/{grant_id}", dependencies=[requires("access_grants:read")])
async def read(grant_id: UUID, uow: Query) -> AccessGrantView:
    return uow.answer(await show(uow, grant_id))


@router.post("/{grant_id}/end", dependencies=[requires("access_grants:change")])
async def end(grant_id: UUID, body: Reason, uow: Change, clock: CurrentClock) -> AccessGrantView:
    return uow.answer(AccessGrantView.of(await end_access(uow, grant_id, body.reason, at=clock.now())))
