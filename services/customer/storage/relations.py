"""Relations between customers, and the ladder by which they are graded, within the unit of work's scope."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from libs.common.database import UnitOfWork
from libs.common.domain import NotFound
from libs.common.listing import matching, newest
from services.customer.domain.relation import Relation
from services.customer.storage.history_tables import relations


class RelationRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, relation: Relation) -> None:
        self._uow.session.add(relation)

    async def get(self, relation_id: UUID) -> Relation:
        within = self._uow.scope.customers(relations.c.customer_id)
        found = await self._uow.session.execute(select(Relation).where(relations.c.id == relation_id, within))
        relation = found.scalar_one_or_none()
        if relation is None:
            raise NotFound.thing("relation")
        return relation

    async def get_for_change(self, relation_id: UUID) -> Relation:
        relation = await self.get(relation_id)
        self._uow.check_version(relation)
        return relation

    async def stands(self, customer_id: UUID, related_id: UUID, kind: str) -> bool:
        r = relations.c
        same = (r.customer_id == customer_id) & (r.related_id == related_id) & (r.kind == kind)
        standing = select(r.id).where(same, r.ended_at.is_(None), self._uow.scope.customers(r.customer_id))
        return (await self._uow.session.execute(standing)).first() is not None


async def list_relations(
    uow: UnitOfWork, *, customer_id: UUID | None, standing: bool | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    """Newest first, as they were told of customers within scope."""
    r = relations.c
    within = select(relations).where(uow.scope.customers(r.customer_id))
    wanted = matching(within, (r.customer_id, customer_id), (r.ended_at.is_(None), standing))
    return await newest(uow, wanted, r.id, after=after, limit=limit)
