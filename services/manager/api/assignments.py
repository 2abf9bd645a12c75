"""`/api/v1/assignments`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from libs.common.access import CurrentClock, Query, requires
from libs.common.commands import command
from libs.common.database import UnitOfWork
from libs.common.pages import CurrentPage, Page
from services.manager.api.schemas import AssignmentView, NewAssignment
from services.manager.storage.queries import list_assignments
from services.manager.storage.repository import AssignmentRepository
from services.manager.use_cases.assigning import assign_main

router = APIRouter(prefix="/api/v1/assignments", tags=["assignments"])


async def show(uow: UnitOfWork, assignment_id: UUID) -> AssignmentView:
    return AssignmentView.of(await AssignmentRepository(uow).get(assignment_id))


Create = Annotated[UnitOfWork, command(show, conditional=False)]


@router.post("", status_code=201, dependencies=[requires("assignments:change")])
async def assign(body: NewAssignment, uow: Create, clock: CurrentClock) -> AssignmentView:
    return uow.answer(AssignmentView.of(await assign_main(uow, **dict(body), at=clock.now())))


@router.get("", dependencies=[requires("assignments:read")])
async def find(
    uow: Query, page: CurrentPage, customer_id: UUID | None = None, staff_id: UUID | None = None
) -> Page[AssignmentView]:
    rows = await list_assignments(uow, customer_id=customer_id, staff_id=staff_id, after=page.after, limit=page.limit)
    return page.of(uow, [AssignmentView.of(row) for row in rows])
