"""Units, staff and assignments as aggregates, within the unit of work's scope."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, any_, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from libs.common.database import UnitOfWork
from libs.common.domain import NotFound
from libs.common.driver import ASKED, ByScope
from services.manager.domain.access import AccessGrant, EthicalWall
from services.manager.domain.assignment import Assignment, AssignmentRole, Line
from services.manager.domain.org_unit import OrgUnit
from services.manager.domain.roles import LOOKS_AFTER
from services.manager.domain.staff import Staff
from services.manager.storage.tables import (
    access_grants,
    assignments,
    ethical_walls,
    known_customers,
    org_units,
    staff,
)

MANAGES = staff.c.roles.contains([LOOKS_AFTER]) & staff.c.left_at.is_(None)


_UNIT = ByScope(lambda scope: select(OrgUnit).where(org_units.c.id == ASKED, scope.units(org_units.c.id)))


class OrgUnitRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, unit: OrgUnit) -> None:
        self._uow.session.add(unit)

    async def find(self, unit_id: UUID) -> OrgUnit | None:
        found = await self._uow.session.execute(_UNIT.of(self._uow.scope), {"asked": unit_id})
        return found.scalar_one_or_none()

    async def get(self, unit_id: UUID) -> OrgUnit:
        unit = await self.find(unit_id)
        if unit is None:
            raise NotFound.thing("organisation unit")
        return unit


class StaffRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, member: Staff) -> None:
        self._uow.session.add(member)

    async def find(self, staff_id: UUID) -> Staff | None:
        return (await self._uow.session.execute(self._wanted(staff_id))).scalar_one_or_none()

    async def get(self, staff_id: UUID) -> Staff:
        return await self._one(self._wanted(staff_id))

    async def get_for_change(self, staff_id: UUID) -> Staff:
        """Locked: what is unique is looked for after, and may not be found to be what another just made of it."""
        member = await self._one(self._wanted(staff_id).with_for_update(of=staff, key_share=True))
        self._uow.check_version(member)
        return member

    def _wanted(self, staff_id: UUID) -> Select[Staff]:
        return select(Staff).where(staff.c.id == staff_id, self._within())

    async def _one(self, wanted: Select[Staff]) -> Staff:
        member = (await self._uow.session.execute(wanted)).scalar_one_or_none()
        if member is None:
            raise NotFound.thing("member of staff")
        return member

    async def anybody(self) -> bool:
        found = await self._uow.session.execute(select(staff.c.id).where(self._within()).limit(1))
        return found.first() is not None

    async def signs_in(self, logins: list[str]) -> bool:
        """Whether anybody who works here signs in with one of these."""
        taken = select(staff.c.id).where(staff.c.logins.overlap(logins), staff.c.left_at.is_(None), self._within())
        return (await self._uow.session.execute(taken.limit(1))).first() is not None

    async def works(self, staff_id: UUID) -> bool:
        """Whether anybody by this id works in the whole bank: who takes part may come from another unit."""
        found = await self._uow.session.execute(
            select(staff.c.id).where(staff.c.id == staff_id, staff.c.left_at.is_(None))
        )
        return found.first() is not None

    async def smallest_book(self, unit_id: UUID) -> UUID | None:
        """The manager of a unit who looks after the fewest customers; the longest-serving one of several."""
        book = (
            select(func.count())
            .where(assignments.c.staff_id == staff.c.id, assignments.c.ended_at.is_(None))
            .scalar_subquery()
        )
        found = await self._uow.session.execute(
            select(staff.c.id)
            .where(staff.c.unit_ids.contains([unit_id]), MANAGES, self._within())
            .order_by(book, staff.c.id)
            .limit(1)
        )
        return found.scalar_one_or_none()

    def _within(self) -> ColumnElement[bool]:
        unit = org_units.c.id
        here = select(unit).where(unit == any_(staff.c.unit_ids), self._uow.scope.units(unit)).exists()
        unplaced = (func.cardinality(staff.c.unit_ids) == 0) & self._uow.scope.units(literal(UUID(int=0)))
        return or_(here, unplaced)


class AssignmentRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, assignment: Assignment) -> None:
        self._uow.session.add(assignment)

    async def get(self, assignment_id: UUID) -> Assignment:
        within = self._uow.scope.customers(assignments.c.customer_id)
        found = await self._uow.session.execute(select(Assignment).where(assignments.c.id == assignment_id, within))
        assignment = found.scalar_one_or_none()
        if assignment is None:
            raise NotFound.thing("assignment")
        return assignment

    async def main(self, customer_id: UUID, line: Line) -> Assignment | None:
        a = assignments.c
        found = await self._uow.session.execute(
            select(Assignment)
            .where(a.customer_id == customer_id, a.line == line, a.role == AssignmentRole.MAIN, a.ended_at.is_(None))
            .where(self._uow.scope.customers(a.customer_id))
        )
        return found.scalar_one_or_none()


class AccessGrantRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, grant: AccessGrant) -> None:
        self._uow.session.add(grant)

    async def get(self, grant_id: UUID) -> AccessGrant:
        within = self._uow.scope.customers(access_grants.c.customer_id)
        found = await self._uow.session.execute(select(AccessGrant).where(access_grants.c.id == grant_id, within))
        grant = found.scalar_one_or_none()
        if grant is None:
            raise NotFound.thing("access grant")
        return grant

    async def get_for_change(self, grant_id: UUID) -> AccessGrant:
        grant = await self.get(grant_id)
        self._uow.check_version(grant)
        return grant

    async def lapsed(self, now: datetime, limit: int) -> list[AccessGrant]:
        """Grants whose time is over, locked so that no other sweeper takes them."""
        g = access_grants.c
        found = await self._uow.session.execute(
            select(AccessGrant)
            .where(g.ended_at.is_(None), g.ends_at <= now, self._uow.scope.customers(g.customer_id))
            .order_by(g.ends_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return list(found.scalars())


class EthicalWallRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, wall: EthicalWall) -> None:
        self._uow.session.add(wall)

    async def get(self, wall_id: UUID) -> EthicalWall:
        within = self._uow.scope.customers(ethical_walls.c.customer_id)
        found = await self._uow.session.execute(select(EthicalWall).where(ethical_walls.c.id == wall_id, within))
        wall = found.scalar_one_or_none()
        if wall is None:
            raise NotFound.thing("ethical wall")
        return wall

    async def get_for_change(self, wall_id: UUID) -> EthicalWall:
        wall = await self.get(wall_id)
        self._uow.check_version(wall)
        return wall

    async def stands(self, customer_id: UUID, staff_id: UUID) -> bool:
        w = ethical_walls.c
        standing = select(w.id).where(w.customer_id == customer_id, w.staff_id == staff_id, w.lifted_at.is_(None))
        found = await self._uow.session.execute(standing.where(self._uow.scope.customers(w.customer_id)))
        return found.first() is not None


class KnownCustomerRepository:
    """Customers as far as assignment needs to know them: heard of, never asked for."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def note(self, customer_id: UUID, line: Line, home_unit_id: UUID | None) -> None:
        """Remember a customer, who waits from now on until somebody looks after them."""
        values = {"customer_id": customer_id, "line": line, "home_unit_id": home_unit_id, "waiting": True}
        noted = insert(known_customers).values(values)
        await self._uow.session.execute(noted.on_conflict_do_nothing())

    async def moved(self, customer_id: UUID, home_unit_id: UUID | None) -> Line | None:
        """Note a new home; the line of a customer who waits, and moved indeed."""
        k = known_customers.c
        found = await self._uow.session.execute(
            update(known_customers)
            .where(k.customer_id == customer_id, k.home_unit_id.is_distinct_from(home_unit_id))
            .where(self._uow.scope.customers(k.customer_id))
            .values(home_unit_id=home_unit_id)
            .returning(k.line, k.waiting)
        )
        row = found.one_or_none()
        return row.line if row and row.waiting else None

    async def looked_after(self, customer_id: UUID) -> None:
        k = known_customers.c
        await self._uow.session.execute(
            update(known_customers)
            .where(k.customer_id == customer_id, self._uow.scope.customers(k.customer_id))
            .values(waiting=False)
        )

    async def waiting(self, limit: int) -> list[tuple[UUID, Line, UUID]]:
        """Customers, with line and unit, who wait where a manager works; locked against other sweepers."""
        k = known_customers.c
        unit = select(func.unnest(staff.c.unit_ids).label("unit_id")).where(MANAGES).distinct().subquery()
        rows = await self._uow.session.execute(
            select(k.customer_id, k.line, k.home_unit_id)
            .join(unit, unit.c.unit_id == k.home_unit_id)
            .where(k.waiting, self._uow.scope.customers(k.customer_id))
            .limit(limit)
            .with_for_update(of=known_customers, skip_locked=True)
        )
        return [(row.customer_id, row.line, row.home_unit_id) for row in rows]
