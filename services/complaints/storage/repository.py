"""Complaints as aggregates, within the unit of work's scope."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from libs.common.clock import day_of
from libs.common.database import UnitOfWork
from libs.common.domain import NotFound
from libs.common.driver import ASKED, ByScope
from libs.common.tables import in_force
from services.complaints.domain.complaint import Complaint, DeadlineWarning
from services.complaints.storage.tables import complaints, deadline_policies, deadline_warnings

_COMPLAINT = ByScope(
    lambda scope: select(Complaint).where(complaints.c.id == ASKED, scope.customers(complaints.c.customer_id))
)


class ComplaintRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, complaint: Complaint) -> None:
        self._uow.session.add(complaint)

    async def get(self, complaint_id: UUID) -> Complaint:
        found = await self._uow.session.execute(_COMPLAINT.of(self._uow.scope), {"asked": complaint_id})
        complaint = found.scalar_one_or_none()
        if complaint is None:
            raise NotFound.thing("complaint")
        return complaint

    async def get_for_change(self, complaint_id: UUID) -> Complaint:
        complaint = await self.get(complaint_id)
        self._uow.check_version(complaint)
        return complaint

    async def due_warnings(self, now: datetime, limit: int) -> list[tuple[Complaint, DeadlineWarning]]:
        """Warnings whose time has come, locked so that no other sweeper takes them."""
        rows = await self._uow.session.execute(
            select(Complaint, DeadlineWarning)
            .join(DeadlineWarning, deadline_warnings.c.complaint_id == complaints.c.id)
            .where(deadline_warnings.c.warned_at.is_(None), deadline_warnings.c.due_at <= now)
            .where(self._uow.scope.customers(complaints.c.customer_id))
            .order_by(deadline_warnings.c.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [(complaint, warning) for complaint, warning in rows]


class DeadlinePolicyRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def days_by_regime(self, at: datetime) -> dict[str, int]:
        """Calendar days that each regime allows on that day."""
        p = deadline_policies.c
        rows = await self._uow.session.execute(select(p.regime, p.days).where(in_force(p, day_of(at))))
        return {row.regime: row.days for row in rows}
