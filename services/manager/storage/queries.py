"""Lists of units, staff, assignments and access: set-based reads that return rows."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import any_, func, literal, or_, select

from libs.common.database import UnitOfWork
from libs.common.listing import matching, newest
from services.manager.storage.tables import access_grants, assignments, ethical_walls, org_units, staff


async def list_org_units(
    uow: UnitOfWork, *, code: str | None, kind: str | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    u = org_units.c
    wanted = matching(select(org_units).where(uow.scope.units(u.id)), (u.code, code), (u.kind, kind))
    return await newest(uow, wanted, u.id, after=after, limit=limit)


async def list_staff(
    uow: UnitOfWork, *, unit_id: UUID | None, role: str | None, number: str | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    s, unit = staff.c, org_units.c.id
    here = select(unit).where(unit == any_(s.unit_ids), uow.scope.units(unit)).exists()
    unplaced = (func.cardinality(s.unit_ids) == 0) & uow.scope.units(literal(UUID(int=0)))
    wanted = matching(select(staff).where(or_(here, unplaced)), (s.number, number))
    if unit_id:
        wanted = wanted.where(s.unit_ids.contains([unit_id]))
    if role:
        wanted = wanted.where(s.roles.contains([role]))
    return await newest(uow, wanted, s.id, after=after, limit=limit)


async def list_assignments(
    uow: UnitOfWork, *, customer_id: UUID | None, staff_id: UUID | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    """Running and ended ones, newest first."""
    a = assignments.c
    within = select(assignments).where(uow.scope.customers(a.customer_id))
    wanted = matching(within, (a.customer_id, customer_id), (a.staff_id, staff_id))
    return await newest(uow, wanted, a.id, after=after, limit=limit)


async def list_access_grants(
    uow: UnitOfWork,
    *,
    customer_id: UUID | None,
    staff_id: UUID | None,
    lasting: bool | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Any]:
    """Newest first; `lasting` ones have not ended."""
    g = access_grants.c
    within = select(access_grants).where(uow.scope.customers(g.customer_id))
    filters = (g.customer_id, customer_id), (g.staff_id, staff_id), (g.ended_at.is_(None), lasting)
    return await newest(uow, matching(within, *filters), g.id, after=after, limit=limit)


async def list_ethical_walls(
    uow: UnitOfWork,
    *,
    customer_id: UUID | None,
    staff_id: UUID | None,
    standing: bool | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Any]:
    """Newest first; `standing` ones are not lifted."""
    w = ethical_walls.c
    within = select(ethical_walls).where(uow.scope.customers(w.customer_id))
    filters = (w.customer_id, customer_id), (w.staff_id, staff_id), (w.lifted_at.is_(None), standing)
    return await newest(uow, matching(within, *filters), w.id, after=after, limit=limit)
