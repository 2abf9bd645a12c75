"""Lists of units, staff and assignments: set-based reads that return rows."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import any_, func, literal, or_, select

from libs.common.database import UnitOfWork
from services.manager.storage.tables import assignments, org_units, staff


async def list_org_units(
    uow: UnitOfWork, *, code: str | None, kind: str | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    u = org_units.c
    wanted = select(org_units).where(uow.scope.units(u.id))
    for column, value in ((u.code, code), (u.kind, kind)):
        if value is not None:
            wanted = wanted.where(column == value)
    if after:
        wanted = wanted.where(u.id < after)
    return (await uow.session.execute(wanted.order_by(u.id.desc()).limit(limit))).all()


async def list_staff(
    uow: UnitOfWork, *, unit_id: UUID | None, role: str | None, number: str | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    unit = org_units.c.id
    here = select(unit).where(unit == any_(staff.c.unit_ids), uow.scope.units(unit)).exists()
    unplaced = (func.cardinality(staff.c.unit_ids) == 0) & uow.scope.units(literal(UUID(int=0)))
    wanted = select(staff).where(or_(here, unplaced))
    if unit_id:
        wanted = wanted.where(staff.c.unit_ids.contains([unit_id]))
    if role:
        wanted = wanted.where(staff.c.roles.contains([role]))
    if number:
        wanted = wanted.where(staff.c.number == number)
    if after:
        wanted = wanted.where(staff.c.id < after)
    return (await uow.session.execute(wanted.order_by(staff.c.id.desc()).limit(limit))).all()


async def list_assignments(
    uow: UnitOfWork, *, customer_id: UUID | None, staff_id: UUID | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    """Running and ended ones, newest first."""
    a = assignments.c
    wanted = select(assignments).where(uow.scope.customers(a.customer_id))
    for column, value in ((a.customer_id, customer_id), (a.staff_id, staff_id)):
        if value is not None:
            wanted = wanted.where(column == value)
    if after:
        wanted = wanted.where(a.id < after)
    return (await uow.session.execute(wanted.order_by(a.id.desc()).limit(limit))).all()
