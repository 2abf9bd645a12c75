"""The timeline: what happened with a customer in any service, one row for each event and customer."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from libs.common.database import UnitOfWork
from libs.common.listing import matching, newest
from services.customer.storage.history_tables import interactions


class InteractionRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def add(
        self,
        customer_ids: Iterable[UUID],
        *,
        event_id: UUID,
        service: str,
        type_: str,
        subject: UUID,
        sequence: int,
        occurred_at: datetime,
        facts: Mapping[str, Any],
    ) -> None:
        """Once for each customer, however often it is told."""
        row = {
            "id": event_id, "service": service, "type": type_, "subject": subject, "version": sequence,
            "occurred_at": occurred_at, "facts": facts,
        }  # fmt: skip
        rows = [{**row, "customer_id": customer_id} for customer_id in sorted(customer_ids)]
        if rows:
            await self._uow.session.execute(insert(interactions).values(rows).on_conflict_do_nothing())


async def list_interactions(
    uow: UnitOfWork,
    *,
    customer_id: UUID | None,
    service: str | None,
    type_: str | None,
    hidden: Collection[str],
    after: UUID | None,
    limit: int,
) -> Sequence[Any]:
    """Newest first, without those of types that are `hidden` from the caller."""
    i = interactions.c
    within = select(interactions).where(uow.scope.customers(i.customer_id), i.type.not_in(hidden))
    wanted = matching(within, (i.customer_id, customer_id), (i.service, service), (i.type, type_))
    return await newest(uow, wanted, i.id, after=after, limit=limit)
