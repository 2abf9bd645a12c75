"""The timeline: what happened with a customer in any service, one row for each event and customer."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select

from libs.common.database import UnitOfWork
from libs.common.driver import Statement
from libs.common.listing import matching, newest
from services.customer.storage.history_tables import interactions

REMEMBERED = """
    INSERT INTO interactions (customer_id, id, service, type, subject, version, occurred_at, facts)
    SELECT customer_id, $2, $3, $4, $5, $6, $7, $8::text::jsonb FROM unnest($1::uuid[]) AS theirs (customer_id)
    ON CONFLICT DO NOTHING
"""
REMEMBER = Statement(
    REMEMBERED, ("customer_ids", "id", "service", "type", "subject", "version", "occurred_at", "facts"), {}
)


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
        told = {"id": event_id, "service": service, "type": type_, "subject": subject, "version": sequence}
        told |= {"occurred_at": occurred_at, "facts": orjson.dumps(facts).decode()}
        await self._uow.fetch(REMEMBER, customer_ids=sorted(customer_ids), **told)


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
