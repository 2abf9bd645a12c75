"""Relations between customers, for whoever reaches both of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select

from libs.common.database import UnitOfWork
from libs.common.domain import NotFound
from libs.common.listing import matching, newest
from services.customer.domain.relation import INVERSE, Relation, RelationKind
from services.customer.storage.history_tables import relations


class RelationRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def within(self) -> ColumnElement[bool]:
        """Both of the two."""
        both = relations.c.customer_id, relations.c.related_id
        return and_(*[self._uow.scope.customers(column) for column in both])

    def add(self, relation: Relation) -> None:
        self._uow.session.add(relation)

    async def get(self, relation_id: UUID) -> Relation:
        found = await self._uow.session.execute(select(Relation).where(relations.c.id == relation_id, self.within()))
        relation = found.scalar_one_or_none()
        if relation is None:
            raise NotFound.thing("relation")
        return relation

    async def get_for_change(self, relation_id: UUID) -> Relation:
        relation = await self.get(relation_id)
        self._uow.check_version(relation)
        return relation

    async def stands(self, customer_id: UUID, related_id: UUID, kind: RelationKind) -> bool:
        """Told of either of the two: whose spouse somebody is is theirs."""
        r = relations.c
        told = (r.customer_id == customer_id) & (r.related_id == related_id) & (r.kind == kind)
        inverse = (r.customer_id == related_id) & (r.related_id == customer_id) & (r.kind == INVERSE[kind])
        standing = select(r.id).where(told | inverse, r.ended_at.is_(None), self.within())
        return (await self._uow.session.execute(standing)).first() is not None


async def list_relations(
    uow: UnitOfWork, *, customer_id: UUID | None, standing: bool | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    """Newest first; of a customer, whichever of the two they are."""
    r = relations.c
    wanted = matching(select(relations).where(RelationRepository(uow).within()), (r.ended_at.is_(None), standing))
    if customer_id is not None:
        wanted = wanted.where(or_(r.customer_id == customer_id, r.related_id == customer_id))
    return await newest(uow, wanted, r.id, after=after, limit=limit)
