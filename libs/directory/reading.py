"""What use cases ask of the directory, within their unit of work's scope."""

from uuid import UUID

from sqlalchemy import any_, select

from libs.common.caller import Scope
from libs.common.database import UnitOfWork
from libs.common.domain import InvalidValue, NotFound
from libs.common.driver import ASKED, ByScope, Statement, compiled
from libs.directory import tables
from libs.directory.permissions import roles_with

# Services have tables of the same names: inside their statements the directory's go by names of their own.
customers = tables.customers.alias("directory_customers")
org_units = tables.org_units.alias("directory_org_units")
staff = tables.staff.alias("directory_staff")


async def require_customer(uow: UnitOfWork, customer_id: UUID, *, by_role: bool = False) -> None:
    """Raises NotFound for a customer that is unknown or out of scope: nobody learns which.

    With `by_role` an access grant opens nothing.
    """
    uow.about(customer_id)
    if not await is_within_reach(uow, customer_id, by_role=by_role):
        raise NotFound.thing("customer")


async def is_within_reach(uow: UnitOfWork, customer_id: UUID, *, by_role: bool = False) -> bool:
    """Whether the caller gets to this customer at all."""
    return bool(await uow.fetch(_CUSTOMER.of(uow.scope, by_role), asked=customer_id))


def _customer(scope: Scope, by_role: bool) -> Statement:  # noqa: FBT001 - it tells the kinds of a statement apart
    reaching = scope.without_grants() if by_role else scope
    return compiled(select(customers.c.customer_id).where(customers.c.customer_id == ASKED, reaching.customers(ASKED)))


_CUSTOMER = ByScope(_customer)


async def require_unit(uow: UnitOfWork, unit_id: UUID, *, field: str) -> None:
    """Raises InvalidValue naming the field for a unit that is unknown or out of scope."""
    own = unit_id in uow.scope.unit_ids  # the usual case, which needs no look
    if not own and not await uow.fetch(_UNIT.of(uow.scope), asked=unit_id):
        raise InvalidValue(field, "There is no such unit within your reach.")


def _unit(scope: Scope) -> Statement:
    unit = org_units.c.org_unit_id
    return compiled(select(unit).where(unit == ASKED, scope.units(unit)))


_UNIT = ByScope(_unit)


async def require_staff(uow: UnitOfWork, staff_id: UUID, *, permission: str, field: str) -> None:
    """Raises InvalidValue naming the field where nobody within reach works here in a role that may do this."""
    unit, roles = org_units.c.org_unit_id, roles_with(permission)
    here = select(unit).where(unit == any_(staff.c.unit_ids), uow.scope.units(unit)).exists()
    found = select(staff.c.staff_id).where(staff.c.staff_id == staff_id, staff.c.active, here)
    if (await uow.session.execute(found.where(staff.c.roles.overlap(roles)))).first() is None:
        raise InvalidValue(field, f"Name somebody within your reach who works as: {', '.join(roles)}.")


async def unit_by_code(uow: UnitOfWork, code: str) -> UUID | None:
    """The unit with this code, if it is known and within reach."""
    found = select(org_units.c.org_unit_id).where(org_units.c.code == code, uow.scope.units(org_units.c.org_unit_id))
    unit_id: UUID | None = (await uow.session.execute(found)).scalars().first()
    return unit_id


async def canonical_id(uow: UnitOfWork, customer_id: UUID) -> UUID:
    """Under whom this customer shows now."""
    found = select(customers.c.canonical_id).where(
        customers.c.customer_id == customer_id, uow.scope.customers(customers.c.customer_id)
    )
    canonical: UUID | None = (await uow.session.execute(found)).scalar_one_or_none()
    return canonical or customer_id
