"""Lists of complaints: set-based reads that return rows."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from libs.common.database import UnitOfWork
from services.complaints.storage.tables import complaints


async def list_complaints(
    uow: UnitOfWork,
    *,
    customer_id: UUID | None,
    status: str | None,
    handler_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Any]:
    """Newest first, within scope."""
    wanted = select(complaints).where(uow.scope.customers(complaints.c.customer_id))
    if customer_id:
        wanted = wanted.where(complaints.c.customer_id == customer_id)
    if status:
        wanted = wanted.where(complaints.c.status == status)
    if handler_id:
        wanted = wanted.where(complaints.c.handler_id == handler_id)
    if after:
        wanted = wanted.where(complaints.c.id < after)
    return (await uow.session.execute(wanted.order_by(complaints.c.id.desc()).limit(limit))).all()
