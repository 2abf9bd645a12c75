from datetime import datetime
from uuid import UUID

from libs.common.database import UnitOfWork
from libs.common.ids import new_id
from libs.directory.reading import require_customer
from services.complaints.domain.complaint import Channel, Complaint, check_regimes, number_of
from services.complaints.domain.deadlines import THRESHOLDS, due_at
from services.complaints.storage.repository import ComplaintRepository, DeadlinePolicyRepository


async def receive_complaint(
    uow: UnitOfWork,
    customer_id: UUID,
    *,
    regimes: list[str],
    channel: Channel,
    business: str,
    cause: str,
    facts: str,
    at: datetime,
) -> Complaint:
    """Take a complaint in and start its statutory clock."""
    await require_customer(uow, customer_id)
    days = await DeadlinePolicyRepository(uow).days_by_regime(at)
    check_regimes(regimes, set(days))
    complaint_id = new_id()
    complaint = Complaint(
        id=complaint_id,
        customer_id=customer_id,
        number=number_of(complaint_id, at),
        regimes=regimes,
        channel=channel,
        business=business,
        cause=cause,
        facts=facts,
        received_at=at,
        reply_due_at=due_at(at, [days[regime] for regime in regimes]),
    )
    complaint.receive([new_id() for _ in THRESHOLDS])
    ComplaintRepository(uow).add(complaint)
    return complaint
