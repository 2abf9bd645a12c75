"""`/api/v1/complaints`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from libs.common.access import CurrentClock, Query, requires
from libs.common.commands import command
from libs.common.database import UnitOfWork
from libs.common.pages import CurrentPage, Page
from services.complaints.api.schemas import Assignment, Closure, ComplaintView, NewComplaint, Reply
from services.complaints.domain.moves import Status
from services.complaints.storage.queries import list_complaints
from services.complaints.storage.repository import ComplaintRepository
from services.complaints.use_cases.handling import (
    accept_complaint,
    assign_complaint,
    close_complaint,
    reply_to_complaint,
)
from services.complaints.use_cases.receiving import receive_complaint

router = APIRouter(prefix="/api/v1/complaints", tags=["complaints"])


async def show(uow: UnitOfWork, complaint_id: UUID) -> ComplaintView:
    return ComplaintView.of(await ComplaintRepository(uow).get(complaint_id))


Create = Annotated[UnitOfWork, command(show, conditional=False)]
Change = Annotated[UnitOfWork, command(show, conditional=True)]


@router.post("", status_code=201, dependencies=[requires("complaints:receive")])
async def receive(body: NewComplaint, uow: Create, clock: CurrentClock) -> ComplaintView:
    complaint = await receive_complaint(uow, **dict(body), at=clock.now())
    return uow.answer(ComplaintView.of(complaint))


@router.get("", dependencies=[requires("complaints:read")])
async def find(
    uow: Query,
    page: CurrentPage,
    customer_id: UUID | None = None,
    status: Status | None = None,
    handler_id: UUID | None = None,
) -> Page[ComplaintView]:
    rows = await list_complaints(
        uow, customer_id=customer_id, status=status, handler_id=handler_id, after=page.after, limit=page.limit
    )
    return page.of(uow, [ComplaintView.of(row) for row in rows])


@router.get("/{complaint_id}", dependencies=[requires("complaints:read")])
async def read(complaint_id: UUID, uow: Query) -> ComplaintView:
    return uow.answer(await show(uow, complaint_id))


@router.post("/{complaint_id}/accept", dependencies=[requires("complaints:accept")])
async def accept(complaint_id: UUID, uow: Change, clock: CurrentClock) -> ComplaintView:
    return uow.answer(ComplaintView.of(await accept_complaint(uow, complaint_id, at=clock.now())))


@router.post("/{complaint_id}/assign", dependencies=[requires("complaints:assign")])
async def assign(complaint_id: UUID, body: Assignment, uow: Change, clock: CurrentClock) -> ComplaintView:
    complaint = await assign_complaint(uow, complaint_id, body.handler_id, at=clock.now())
    return uow.answer(ComplaintView.of(complaint))


@router.post("/{complaint_id}/reply", dependencies=[requires("complaints:reply")])
async def reply(complaint_id: UUID, body: Reply, uow: Change, clock: CurrentClock) -> ComplaintView:
    complaint = await reply_to_complaint(uow, complaint_id, body.decision, body.channel, at=clock.now())
    return uow.answer(ComplaintView.of(complaint))


@router.post("/{complaint_id}/close", dependencies=[requires("complaints:close")])
async def close(complaint_id: UUID, body: Closure, uow: Change, clock: CurrentClock) -> ComplaintView:
    complaint = await close_complaint(uow, complaint_id, **dict(body), at=clock.now())
    return uow.answer(ComplaintView.of(complaint))
