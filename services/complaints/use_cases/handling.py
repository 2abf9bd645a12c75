from datetime import datetime
from uuid import UUID

from libs.common.database import UnitOfWork
from libs.directory.reading import require_staff
from services.complaints.domain.complaint import Channel, Complaint
from services.complaints.storage.repository import ComplaintRepository


async def accept_complaint(uow: UnitOfWork, complaint_id: UUID, *, at: datetime) -> Complaint:
    complaint = await ComplaintRepository(uow).get_for_change(complaint_id)
    complaint.accept(at=at)
    return complaint


async def assign_complaint(uow: UnitOfWork, complaint_id: UUID, handler_id: UUID, *, at: datetime) -> Complaint:
    """Give a complaint to somebody who can see it through to the reply."""
    complaint = await ComplaintRepository(uow).get_for_change(complaint_id)
    await require_staff(uow, handler_id, permission="complaints:reply", field="handler_id")
    complaint.assign(handler_id, at=at)
    return complaint


async def reply_to_complaint(
    uow: UnitOfWork, complaint_id: UUID, decision: str, channel: Channel, *, at: datetime
) -> Complaint:
    complaint = await ComplaintRepository(uow).get_for_change(complaint_id)
    complaint.reply(decision, channel, at=at)
    return complaint


async def close_complaint(
    uow: UnitOfWork, complaint_id: UUID, *, root_cause: str, responsibility: str, remedy: str, at: datetime
) -> Complaint:
    complaint = await ComplaintRepository(uow).get_for_change(complaint_id)
    complaint.close(root_cause, responsibility, remedy, at=at)
    return complaint
