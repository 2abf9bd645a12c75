"""What the manager service hears, each handed to a use case as plain values."""

from datetime import datetime
from uuid import UUID

from libs.common.clock import Clock
from libs.common.database import UnitOfWork
from libs.common.hearing import Subscription
from libs.contracts import complaints, customer
from libs.contracts.complaints import ComplaintReceived
from libs.contracts.customer import (
    CustomerGradeUpgraded,
    CustomerGradeWatched,
    CustomerRegistered,
    CustomerUpdated,
)
from libs.contracts.manager import TaskRule
from services.manager.use_cases.assigning import customer_moved, welcome_customer
from services.manager.use_cases.tasking import open_task_by_rule


async def on_customer_registered(uow: UnitOfWork, event: CustomerRegistered) -> None:
    await welcome_customer(
        uow, event.customer_id, kind=event.kind, home_unit_id=event.home_unit_id, at=event.occurred_at
    )


async def on_customer_updated(uow: UnitOfWork, event: CustomerUpdated) -> None:
    await customer_moved(uow, event.customer_id, home_unit_id=event.home_unit_id, at=event.occurred_at)


async def on_complaint_received(uow: UnitOfWork, event: ComplaintReceived) -> None:
    await _open(uow, "complaint_received", event.customer_id, event.complaint_id, event.occurred_at)


async def on_grade_watched(uow: UnitOfWork, event: CustomerGradeWatched) -> None:
    await _open(uow, "grade_watched", event.customer_id, _event_id(uow), event.occurred_at)


async def on_grade_upgraded(uow: UnitOfWork, event: CustomerGradeUpgraded) -> None:
    """The first grade is no news."""
    if event.former is not None:
        await _open(uow, "grade_upgraded", event.customer_id, _event_id(uow), event.occurred_at)


async def _open(uow: UnitOfWork, rule: TaskRule, customer_id: UUID, cause_id: UUID, at: datetime) -> None:
    await open_task_by_rule(uow, rule, customer_id, cause_id=cause_id, at=at, now=Clock().now())


def _event_id(uow: UnitOfWork) -> UUID:
    """A grade moves again and again: each time is a cause of its own."""
    if uow.heard is None:
        raise RuntimeError("only an event that was heard opens a task")
    return uow.heard.event_id


SUBSCRIPTION = Subscription(
    topics=(customer.EVENTS.name, complaints.EVENTS.name),
    types={
        CustomerRegistered.type: (CustomerRegistered, on_customer_registered),
        CustomerUpdated.type: (CustomerUpdated, on_customer_updated),
        CustomerGradeWatched.type: (CustomerGradeWatched, on_grade_watched),
        CustomerGradeUpgraded.type: (CustomerGradeUpgraded, on_grade_upgraded),
        ComplaintReceived.type: (ComplaintReceived, on_complaint_received),
    },
)
