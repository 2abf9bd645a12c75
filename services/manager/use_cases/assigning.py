from datetime import datetime
from uuid import UUID

from libs.common.database import UnitOfWork
from libs.common.domain import InvalidValue
from libs.common.ids import new_id
from libs.contracts.manager import SECTION
from libs.directory.reading import require_customer
from services.manager.domain.assignment import LINE_OF_KIND, Assignment, AssignmentRole, Line, Rule
from services.manager.storage.repository import AssignmentRepository, KnownCustomerRepository, StaffRepository

AT_ONCE = 100


async def welcome_customer(
    uow: UnitOfWork, customer_id: UUID, *, kind: str, home_unit_id: UUID | None, at: datetime
) -> None:
    """Assign a new customer to the manager of the home unit with the smallest book; without one they wait."""
    uow.mark(SECTION.name, [customer_id])
    line = LINE_OF_KIND[kind]
    await KnownCustomerRepository(uow).note(customer_id, line, home_unit_id)
    if home_unit_id is not None:
        await _assign_by_rule(uow, customer_id, line, home_unit_id, at=at)


async def customer_moved(uow: UnitOfWork, customer_id: UUID, *, home_unit_id: UUID | None, at: datetime) -> None:
    """Whoever waits, waits at the new home; whoever has a manager keeps them until a handover."""
    line = await KnownCustomerRepository(uow).moved(customer_id, home_unit_id)
    if line and home_unit_id:
        await _assign_by_rule(uow, customer_id, line, home_unit_id, at=at)


async def assign_waiting_customers(uow: UnitOfWork, now: datetime) -> int:
    """Assign those whose unit has a manager by now; returns how many."""
    waiting = await KnownCustomerRepository(uow).waiting(AT_ONCE)
    for customer_id, line, unit_id in waiting:
        await _assign_by_rule(uow, customer_id, line, unit_id, at=now)
    return len(waiting)


async def assign_main(
    uow: UnitOfWork, customer_id: UUID, staff_id: UUID, line: Line, reason: str, *, at: datetime
) -> Assignment:
    """Make somebody the main manager of a customer; the one before them ends in the same moment."""
    await require_customer(uow, customer_id)
    member = await StaffRepository(uow).find(staff_id)
    if member is None or not member.looks_after_customers:
        raise InvalidValue("staff_id", "Name a customer manager who works within your reach.")
    if former := await AssignmentRepository(uow).main(customer_id, line):
        former.end(reason, at=at)
        await uow.session.flush()
    return await _start(uow, customer_id, staff_id, line, reason=reason, at=at)


async def _assign_by_rule(uow: UnitOfWork, customer_id: UUID, line: Line, unit_id: UUID, *, at: datetime) -> None:
    if await AssignmentRepository(uow).main(customer_id, line):
        await KnownCustomerRepository(uow).looked_after(customer_id)
        return
    staff_id = await StaffRepository(uow).smallest_book(unit_id)
    if staff_id is not None:
        await _start(uow, customer_id, staff_id, line, rule=Rule.SMALLEST_BOOK, at=at)


async def _start(
    uow: UnitOfWork,
    customer_id: UUID,
    staff_id: UUID,
    line: Line,
    *,
    at: datetime,
    rule: Rule | None = None,
    reason: str | None = None,
) -> Assignment:
    assignment = Assignment(
        id=new_id(),
        customer_id=customer_id,
        staff_id=staff_id,
        line=line,
        role=AssignmentRole.MAIN,
        rule=rule,
        reason=reason,
        started_at=at,
    )
    assignment.start()
    AssignmentRepository(uow).add(assignment)
    await KnownCustomerRepository(uow).looked_after(customer_id)
    return assignment
