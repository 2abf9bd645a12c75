"""`/api/v1/me/complaints`: what customers complain about, signed in as themselves. They read it at the gateway."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from libs.common.access import CurrentClock, OwnCustomer, requires
from libs.common.commands import command
from libs.common.database import UnitOfWork
from services.complaints.api.schemas import NewOwnComplaint, OwnComplaintView
from services.complaints.storage.repository import ComplaintRepository
from services.complaints.use_cases.receiving import receive_complaint

router = APIRouter(prefix="/api/v1/me", tags=["me"])


async def show(uow: UnitOfWork, complaint_id: UUID) -> OwnComplaintView:
    return OwnComplaintView.of(await ComplaintRepository(uow).get(complaint_id))


Complain = Annotated[UnitOfWork, command(show, conditional=False)]


@router.post("/complaints", status_code=201, dependencies=[requires("me:change")])
async def complain(own: OwnCustomer, body: NewOwnComplaint, uow: Complain, clock: CurrentClock) -> OwnComplaintView:
    complaint = await receive_complaint(uow, own, **dict(body), at=clock.now())
    return uow.answer(OwnComplaintView.of(complaint))
