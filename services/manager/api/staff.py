"""`/api/v1/staff`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from libs.common.access import CurrentClock, Query, requires
from libs.common.commands import command
from libs.common.database import UnitOfWork
from libs.common.logins import login_of
from libs.common.pages import CurrentPage, Page
from services.manager.api.schemas import NewLogin, NewStaff, Roles, StaffView, Units
from services.manager.storage.queries import list_staff
from services.manager.storage.repository import StaffRepository
from services.manager.use_cases.staffing import bind_login, change_roles, hire, leave, move_staff, unbind_login

router = APIRouter(prefix="/api/v1/staff", tags=["staff"])


async def show(uow: UnitOfWork, staff_id: UUID) -> StaffView:
    return StaffView.of(await StaffRepository(uow).get(staff_id))


Create = Annotated[UnitOfWork, command(show, conditional=False)]
Change = Annotated[UnitOfWork, command(show, conditional=True)]


@router.post("", status_code=201, dependencies=[requires("staff:change")])
async def hire_(body: NewStaff, uow: Create, clock: CurrentClock) -> StaffView:
    logins = [login_of(login.issuer, login.subject) for login in body.logins]
    member = await hire(
        uow,
        number=body.number,
        name=body.name,
        unit_ids=body.unit_ids,
        roles=body.roles,
        logins=logins,
        at=clock.now(),
    )
    return uow.answer(StaffView.of(member))


@router.get("", dependencies=[requires("staff:read")])
async def find(
    uow: Query,
    page: CurrentPage,
    unit_id: UUID | None = None,
    role: str | None = None,
    number: str | None = None,
) -> Page[StaffView]:
    rows = await list_staff(uow, unit_id=unit_id, role=role, number=number, after=page.after, limit=page.limit)
    return page.of(uow, [StaffView.of(row) for row in rows])


@router.get("/{staff_id}", dependencies=[requires("staff:read")])
async def read(staff_id: UUID, uow: Query) -> StaffView:
    return uow.answer(await show(uow, staff_id))


@router.put("/{staff_id}/roles", dependencies=[requires("staff:change")])
async def set_roles(staff_id: UUID, body: Roles, uow: Change, clock: CurrentClock) -> StaffView:
    return uow.answer(StaffView.of(await change_roles(uow, staff_id, body.roles, at=clock.now())))


@router.put("/{staff_id}/units", dependencies=[requires("staff:change")])
async def set_units(staff_id: UUID, body: Units, uow: Change, clock: CurrentClock) -> StaffView:
    return uow.answer(StaffView.of(await move_staff(uow, staff_id, body.unit_ids, at=clock.now())))


@router.post("/{staff_id}/leave", dependencies=[requires("staff:change")])
async def leave_(staff_id: UUID, uow: Change, clock: CurrentClock) -> StaffView:
    return uow.answer(StaffView.of(await leave(uow, staff_id, at=clock.now())))


@router.post("/{staff_id}/logins", status_code=201, dependencies=[requires("staff:change")])
async def bind(staff_id: UUID, body: NewLogin, uow: Change, clock: CurrentClock) -> StaffView:
    return uow.answer(StaffView.of(await bind_login(uow, staff_id, body.issuer, body.subject, at=clock.now())))


@router.post("/{staff_id}/logins/unbind", dependencies=[requires("staff:change")])
async def unbind(staff_id: UUID, body: NewLogin, uow: Change, clock: CurrentClock) -> StaffView:
    return uow.answer(StaffView.of(await unbind_login(uow, staff_id, body.issuer, body.subject, at=clock.now())))
