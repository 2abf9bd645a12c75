from datetime import datetime
from uuid import UUID

from libs.common.database import UnitOfWork
from libs.common.ids import new_id
from libs.contracts.manager import SECTION
from libs.directory.reading import require_customer
from services.manager.domain.assignment import LINE_OF_KIND, SMALLEST_BOOK, Assignment, AssignmentRole, Line
from services.manager.storage.repository import AssignmentRepository, KnownCustomerRepository, StaffRepository


async def welcome_customer(
    uow: UnitOfWork, customer_id: UUID, *, kind: str, home_unit_id: UUID | None, at: datetime
) -> None:
    """Assign a new customer to the manager of the home unit with the smallest book; without one they wait."""
    uow.mark(SECTION.name, [customer_id])
    line = LINE_OF_KIND[kind]
    await KnownCustomerRepository(uow).note(customer_id, line, home_unit_id)
    if home_unit_id is not None:
        await _assign_by_rule(uow, customer_id, line, home_unit_id, at=at)


async def assign_waiting_customers(uow: UnitOfWork, unit_id: UUID, *, at: datetime) -> None:
    """Assign those customers of a unit whom nobody looks after."""
    for customer_id, line in await KnownCustomerRepository(uow).unassigned(unit_id):
        await _assign_by_rule(uow, customer_id, line, unit_id, at=at)


async def assign_main(
    uow: UnitOfWork, customer_id: UUID, staff_id: UUID, line: Line, reason: str, *, at: datetime
) -> Assignment:
    """Make somebody the main manager of a customer; the one before them ends in the same moment."""
    await require_customer(uow, customer_id)
    await StaffRepository(uow).get(staff_id)
    if former := await AssignmentRepository(uow).main(customer_id, line):
        former.end(reason, at=at)
        await uow.session.flush()
    return _start(uow, customer_id, staff_id, line, reason, at=at)


async def _assign_by_rule(uow: UnitOfWork, customer_id: UUID, line: Line, unit_id: UUID, *, at: datetime) -> None:
    if await AssignmentRepository(uow).main(customer_id, line):
        return
    staff_id = await StaffRepository(uow).smallest_book(unit_id)
    if staff_id is not None:
        _start(uow, customer_id, staff_id, line, SMALLEST_BOOK, at=at)


def _start(uow: UnitOfWork, customer_id: UUID, staff_id: UUID, line: Line, reason: str, *, at: datetime) -> Assignment:
    assignment = Assignment(
        id=new_id(),
        customer_id=customer_id,
        staff_id=staff_id,
        line=line,
        role=AssignmentRole.MAIN,
        reason=reason,
        started_at=at,
    )
    assignment.start()
    AssignmentRepository(uow).add(assignment)
    return assignment
