"""Scopes: which customers and units a caller reaches, as conditions that every query applies."""

from dataclasses import dataclass, replace
from typing import Any, Self
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, all_, and_, any_, exists, false, literal, or_, true
from sqlalchemy.dialects.postgresql import ARRAY

from libs.directory import tables
from libs.directory.permissions import Reach

# A condition is put into any statement, so its tables go by names that no statement uses. Under a shared name the
# column asked about would be taken for the condition's own, and `id = id` lets everybody in.
_customers = tables.customers.alias("scope_customers")
_org_units = tables.org_units.alias("scope_org_units")
_assignments = tables.assignments.alias("scope_assignments")
_cases = tables.cases.alias("scope_cases")


def _any(ids: tuple[UUID, ...]) -> ColumnElement[Any]:
    """One parameter, however many: a statement is prepared once for all callers of one reach."""
    return any_(literal(list(ids), ARRAY(Uuid)))


def _none_of(ids: tuple[UUID, ...]) -> ColumnElement[Any]:
    return all_(literal(list(ids), ARRAY(Uuid)))


@dataclass(frozen=True)
class SystemScope:
    """Event handlers, publishers and schedules: everything, said out loud."""

    outlines: bool = False
    unit_ids: tuple[UUID, ...] = ()

    def without_grants(self) -> Self:
        return self

    def customers(self, _column: ColumnElement[Any]) -> ColumnElement[bool]:
        return true()

    def units(self, _column: ColumnElement[Any]) -> ColumnElement[bool]:
        return true()

    def partners(self, _column: ColumnElement[Any]) -> ColumnElement[bool]:
        return true()


@dataclass(frozen=True, kw_only=True, eq=False)
class CallerScope:
    """What a caller reaches: the union over the reaches, and grants; walls take away."""

    reaches: frozenset[Reach]
    staff_id: UUID | None = None
    unit_ids: tuple[UUID, ...] = ()
    unit_paths: tuple[str, ...] = ()
    team_ids: tuple[UUID, ...] = ()
    customer_ids: tuple[UUID, ...] = ()
    partner: str | None = None
    grants: tuple[UUID, ...] = ()
    walls: tuple[UUID, ...] = ()
    configures: bool = False
    outlines: bool = False

    def without_grants(self) -> Self:
        return replace(self, grants=())

    def customers(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        conditions = [self._condition(reach, column) for reach in sorted(self.reaches)]
        if self.grants:
            conditions.append(column == _any(self.grants))
        reached = or_(false(), *conditions)
        return and_(reached, column != _none_of(self.walls)) if self.walls else reached

    def units(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        if self.configures or Reach.ALL in self.reaches:
            return true()
        if Reach.BRANCH_TREE in self.reaches:
            return exists().where(_org_units.c.org_unit_id == column, self._below())
        return column == _any(self.unit_ids)

    def partners(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        if self.configures or Reach.ALL in self.reaches:
            return true()
        return column == self.partner if self.partner else false()

    def _condition(self, reach: Reach, column: ColumnElement[Any]) -> ColumnElement[bool]:
        match reach:
            case Reach.ALL:
                return true()
            case Reach.SELF:
                return column == _any(self.customer_ids)
            case Reach.CONSENT:
                consenting = _customers.c.partner_consents.contains([self.partner or ""])
                return exists().where(_customers.c.customer_id == column, consenting)
            case Reach.BRANCH:
                at_home = _customers.c.home_unit_id == _any(self.unit_ids)
                return exists().where(_customers.c.customer_id == column, at_home)
            case Reach.BRANCH_TREE:
                same_unit = _org_units.c.org_unit_id == _customers.c.home_unit_id
                return exists().where(_customers.c.customer_id == column, same_unit, self._below())
            case _:
                return self._by_staff(reach, column)

    def _by_staff(self, reach: Reach, column: ColumnElement[Any]) -> ColumnElement[bool]:
        if self.staff_id is None:
            return false()
        me = [self.staff_id]
        match reach:
            case Reach.OWN:
                return exists().where(_assignments.c.customer_id == column, _assignments.c.own_ids.contains(me))
            case Reach.COVER:
                return exists().where(_assignments.c.customer_id == column, _assignments.c.cover_ids.contains(me))
            case Reach.CASE:
                return exists().where(_cases.c.customer_id == column, _cases.c.handler_ids.contains(me))
            case _:
                team = [self.staff_id, *self.team_ids]
                return exists().where(_assignments.c.customer_id == column, _assignments.c.own_ids.overlap(team))

    def _below(self) -> ColumnElement[bool]:
        return or_(false(), *[_org_units.c.path.startswith(path, autoescape=True) for path in self.unit_paths])
