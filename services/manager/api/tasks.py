"""`/api/v1/tasks`: what somebody has to do for a customer, by when."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from libs.common.access import CurrentClock, Query, requires
from libs.common.commands import command
from libs.common.database import UnitOfWork
from libs.common.pages import CurrentPage, Page
from libs.common.schemas import Moment
from services.manager.api.schemas import NewTask, Outcome, Reason, TaskView
from services.manager.domain.task import TaskStatus
from services.manager.storage.tasks import TaskRepository, list_tasks
from services.manager.use_cases.tasking import cancel_task, complete_task, open_task

router = APIRouter(prefix="/api/v1/tasks", tags=["tasks"])


async def show(uow: UnitOfWork, task_id: UUID) -> TaskView:
    return TaskView.of(await TaskRepository(uow).get(task_id))


Create = Annotated[UnitOfWork, command(show, conditional=False)]
Change = Annotated[UnitOfWork, command(show, conditional=True)]


@router.post("", status_code=201, dependencies=[requires("tasks:change")])
async def open_(body: NewTask, uow: Create, clock: CurrentClock) -> TaskView:
    return uow.answer(TaskView.of(await open_task(uow, **dict(body), at=clock.now())))


@router.get("", dependencies=[requires("tasks:read")])
async def find(
    uow: Query,
    page: CurrentPage,
    customer_id: UUID | None = None,
    staff_id: UUID | None = None,
    status: TaskStatus | None = None,
    due_before: Moment | None = None,
) -> Page[TaskView]:
    rows = await list_tasks(
        uow,
        customer_id=customer_id,
        staff_id=staff_id,
        status=status,
        due_before=due_before,
        after=page.after,
        limit=page.limit,
    )
    return page.of(uow, [TaskView.of(row) for row in rows])


@router.get("/{task_id}", dependencies=[requires("tasks:read")])
async def read(task_id: UUID, uow: Query) -> TaskView:
    return uow.answer(await show(uow, task_id))


@router.post("/{task_id}/complete", dependencies=[requires("tasks:change")])
async def complete(task_id: UUID, body: Outcome, uow: Change, clock: CurrentClock) -> TaskView:
    return uow.answer(TaskView.of(await complete_task(uow, task_id, body.outcome, at=clock.now())))


@router.post("/{task_id}/cancel", dependencies=[requires("tasks:change")])
async def cancel(task_id: UUID, body: Reason, uow: Change, clock: CurrentClock) -> TaskView:
    return uow.answer(TaskView.of(await cancel_task(uow, task_id, body.reason, at=clock.now())))
