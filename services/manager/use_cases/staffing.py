from datetime import datetime
from uuid import UUID

from libs.common.database import UnitOfWork
from libs.common.domain import Conflict, InvalidValue
from libs.common.ids import new_id
from libs.common.logins import login_of
from services.manager.domain.staff import Staff
from services.manager.storage.repository import OrgUnitRepository, StaffRepository


async def hire(
    uow: UnitOfWork, *, number: str, name: str, unit_ids: list[UUID], roles: list[str], logins: list[str], at: datetime
) -> Staff:
    """Hire somebody. Customers who wait for a manager of these units find theirs by a schedule."""
    await _check_units(uow, unit_ids)
    await _check_logins(uow, logins)
    member = Staff(
        id=new_id(), number=number, name=name, unit_ids=unit_ids, roles=sorted(set(roles)), logins=logins, hired_at=at
    )
    member.hire()
    StaffRepository(uow).add(member)
    return member


async def change_roles(uow: UnitOfWork, staff_id: UUID, roles: list[str], *, at: datetime) -> Staff:
    member = await StaffRepository(uow).get_for_change(staff_id)
    member.change_roles(roles, at=at)
    return member


async def move_staff(uow: UnitOfWork, staff_id: UUID, unit_ids: list[UUID], *, at: datetime) -> Staff:
    member = await StaffRepository(uow).get_for_change(staff_id)
    await _check_units(uow, unit_ids)
    member.move(unit_ids, at=at)
    return member


async def leave(uow: UnitOfWork, staff_id: UUID, *, at: datetime) -> Staff:
    """Let somebody go: from now on their logins open nothing. Whom they look after waits for a handover."""
    member = await StaffRepository(uow).get_for_change(staff_id)
    member.leave(at=at)
    return member


async def bind_login(uow: UnitOfWork, staff_id: UUID, issuer: str, subject: str, *, at: datetime) -> Staff:
    member = await StaffRepository(uow).get_for_change(staff_id)
    login = login_of(issuer, subject)
    if login not in member.logins:
        await _check_logins(uow, [login])
    member.bind_login(login, at=at)
    return member


async def unbind_login(uow: UnitOfWork, staff_id: UUID, issuer: str, subject: str, *, at: datetime) -> Staff:
    member = await StaffRepository(uow).get_for_change(staff_id)
    member.unbind_login(login_of(issuer, subject), at=at)
    return member


async def _check_logins(uow: UnitOfWork, logins: list[str]) -> None:
    if await StaffRepository(uow).signs_in(logins):
        raise Conflict("Somebody who works here signs in with this login.")


async def _check_units(uow: UnitOfWork, unit_ids: list[UUID]) -> None:
    for unit_id in unit_ids:
        if await OrgUnitRepository(uow).find(unit_id) is None:
            raise InvalidValue("unit_ids", "One of these units does not exist within your reach.")
