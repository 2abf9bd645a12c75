"""Lists of scores and of policies: set-based reads that return rows."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from libs.common.database import UnitOfWork
from libs.common.listing import matching, newest
from services.scoring.storage.tables import contribution_policies, scores


async def list_scores(
    uow: UnitOfWork, *, customer_id: UUID | None, value_group: str | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    """Newest first, within scope."""
    s = scores.c
    within = select(scores).where(uow.scope.customers(s.customer_id))
    wanted = matching(within, (s.customer_id, customer_id), (s.value_group, value_group))
    return await newest(uow, wanted, s.id, after=after, limit=limit)


async def list_policies(uow: UnitOfWork, *, after: UUID | None, limit: int) -> Sequence[Any]:
    return await newest(uow, select(contribution_policies), contribution_policies.c.id, after=after, limit=limit)
