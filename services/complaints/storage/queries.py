"""Lists of complaints: set-based reads that return rows."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from libs.common.database import UnitOfWork
from libs.common.listing import matching, newest
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
    c = complaints.c
    within = select(complaints).where(uow.scope.customers(c.customer_id))
    wanted = matching(within, (c.customer_id, customer_id), (c.status, status), (c.handler_id, handler_id))
    return await newest(uow, wanted, c.id, after=after, limit=limit)
