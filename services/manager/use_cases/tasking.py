from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from libs.common.clock import day_of
from libs.common.database import UnitOfWork
from libs.common.ids import new_id
from libs.contracts.manager import TaskRule
from libs.directory.reading import require_customer, require_staff
from services.manager.domain.task import Task, WaitingTask
from services.manager.storage.tasks import TaskRepository

AT_ONCE = 100


async def open_task(
    uow: UnitOfWork, customer_id: UUID, *, staff_id: UUID, kind: str, note: str | None, due_at: datetime, at: datetime
) -> Task:
    """Give somebody within reach something to do for a customer."""
    await require_customer(uow, customer_id)
    await require_staff(uow, staff_id, permission="tasks:change", field="staff_id")
    task = Task(
        id=new_id(), customer_id=customer_id, staff_id=staff_id, kind=kind, note=note, due_at=due_at, opened_at=at
    )
    task.open()
    TaskRepository(uow).add(task)
    return task


async def open_task_by_rule(
    uow: UnitOfWork, rule: TaskRule, customer_id: UUID, *, cause_id: UUID, at: datetime, now: datetime
) -> None:
    """What has happened gives the main manager something to do, once; where nobody is one yet, it waits for them.

    It may be heard before the customer is, or while their unit has nobody.
    """
    tasks = TaskRepository(uow)
    occasion = await tasks.occasion(rule, day_of(at))
    if occasion is None or await tasks.was_opened(rule, cause_id):
        return
    due_at = occasion.due_at(at)
    if due_at <= now:  # it is heard again long after
        return
    task = WaitingTask(
        rule=rule, cause_id=cause_id, customer_id=customer_id, kind=occasion.kind, opened_at=at, due_at=due_at
    )
    staff_id = await tasks.main_manager(customer_id)
    if staff_id is None:
        await tasks.let_wait(task)
    else:
        _give(uow, task, staff_id)


async def give_waiting_tasks(uow: UnitOfWork, now: datetime) -> int:
    """Give what waited to whoever is main manager by now; returns how much."""
    tasks = TaskRepository(uow)
    await tasks.forget_late(now)
    found = await tasks.to_give(AT_ONCE)
    for task, staff_id in found:
        _give(uow, task, staff_id)
    return len(found)


def _give(uow: UnitOfWork, waiting: WaitingTask, staff_id: UUID) -> None:
    task = Task(id=new_id(), staff_id=staff_id, **asdict(waiting))
    task.open()
    TaskRepository(uow).add(task)


async def complete_task(uow: UnitOfWork, task_id: UUID, outcome: str, *, at: datetime) -> Task:
    task = await TaskRepository(uow).get_for_change(task_id)
    task.complete(outcome, at=at)
    return task


async def cancel_task(uow: UnitOfWork, task_id: UUID, reason: str, *, at: datetime) -> Task:
    task = await TaskRepository(uow).get_for_change(task_id)
    task.cancel(reason, at=at)
    return task


async def let_tasks_fall_due(uow: UnitOfWork, now: datetime) -> int:
    """Tell of tasks whose time has come; returns of how many."""
    due = await TaskRepository(uow).falling_due(now, AT_ONCE)
    for task in due:
        task.fall_due(at=now)
    return len(due)
