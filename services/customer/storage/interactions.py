"""The timeline: what happened with a customer in any service, one row for each event and customer."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select

from libs.common.database import UnitOfWork
from libs.common.driver import Statement
from libs.common.listing import matching, newest
from services.customer.storage.history_tables import interactions


class Interaction(NamedTuple):
    """One row; `facts` as JSON."""

    customer_id: UUID
    id: UUID
    service: str
    type: str
    subject: UUID
    version: int
    occurred_at: datetime
    facts: str


REMEMBERED = """
    INSERT INTO interactions (customer_id, id, service, type, subject, version, occurred_at, facts)
    SELECT customer_id, id, service, type, subject, version, occurred_at, facts::jsonb
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::bigint[], $7::timestamptz[], $8::text[])
        AS t (customer_id, id, service, type, subject, version, occurred_at, facts)
    ON CONFLICT DO NOTHING
"""
REMEMBER = Statement(REMEMBERED, Interaction._fields, {})


class InteractionRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def add(self, some: Iterable[Interaction]) -> None:
        """Once for each customer, however often it is told."""
        if rows := sorted(some):
            columns = dict(zip(Interaction._fields, zip(*rows, strict=True), strict=True))
            await self._uow.fetch(REMEMBER, **columns)


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
