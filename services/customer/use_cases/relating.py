from datetime import datetime
from uuid import UUID

from libs.common.database import UnitOfWork
from libs.common.domain import Conflict
from libs.common.ids import new_id
from libs.directory.reading import require_customer
from services.customer.domain.relation import Relation, RelationKind
from services.customer.storage.relations import RelationRepository


async def relate_customers(
    uow: UnitOfWork, customer_id: UUID, *, related_id: UUID, kind: RelationKind, at: datetime
) -> Relation:
    """Note what a customer within reach is to another."""
    await require_customer(uow, customer_id)
    await require_customer(uow, related_id)
    if await RelationRepository(uow).stands(customer_id, related_id, kind):
        raise Conflict("This relation stands already.")
    relation = Relation(id=new_id(), customer_id=customer_id, related_id=related_id, kind=kind, added_at=at)
    relation.add()
    RelationRepository(uow).add(relation)
    return relation


async def end_relation(uow: UnitOfWork, relation_id: UUID, *, at: datetime) -> Relation:
    relation = await RelationRepository(uow).get_for_change(relation_id)
    relation.end(at=at)
    return relation
