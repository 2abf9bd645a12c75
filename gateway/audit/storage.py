"""The audit trail as the auditor asks for it: everybody's, newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from gateway.audit.tables import audit, audit_alerts
from libs.common.database import UnitOfWork
from libs.common.listing import matching, newest


async def list_entries(
    uow: UnitOfWork,
    *,
    customer_id: UUID | None,
    equal: dict[str, str | int | None],
    since: datetime | None,
    until: datetime | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Any]:
    """Entries about a customer, within a time, and where columns are `equal` to values."""
    a = audit.c
    wanted = matching(select(audit), *[(a[name], value) for name, value in equal.items()])
    if customer_id is not None:
        wanted = wanted.where(a.customer_ids.contains([customer_id]))
    if since is not None:
        wanted = wanted.where(a.at >= since)
    if until is not None:
        wanted = wanted.where(a.at < until)
    return await newest(uow, wanted, a.id, after=after, limit=limit)


async def list_alerts(uow: UnitOfWork, *, actor: str | None, after: UUID | None, limit: int) -> Sequence[Any]:
    wanted = matching(select(audit_alerts), (audit_alerts.c.actor, actor))
    return await newest(uow, wanted, audit_alerts.c.id, after=after, limit=limit)
