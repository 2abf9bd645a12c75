"""`/api/v1/customer-relations`: households and families."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from libs.common.access import CurrentClock, Query, requires
from libs.common.commands import command
from libs.common.database import UnitOfWork
from libs.common.pages import CurrentPage, Page
from services.customer.api.schemas import NewRelation, RelationView
from services.customer.storage.relations import RelationRepository, list_relations
from services.customer.use_cases.relating import end_relation, relate_customers

router = APIRouter(prefix="/api/v1/customer-relations", tags=["customer relations"])


async def show(uow: UnitOfWork, relation_id: UUID) -> RelationView:
    return RelationView.of(await RelationRepository(uow).get(relation_id))


Create = Annotated[UnitOfWork, command(show, conditional=False)]
Change = Annotated[UnitOfWork, command(show, conditional=True)]


@router.post("", status_code=201, dependencies=[requires("customers:update")])
async def add(body: NewRelation, uow: Create, clock: CurrentClock) -> RelationView:
    """Both customers must be within reach."""
    return uow.answer(RelationView.of(await relate_customers(uow, **dict(body), at=clock.now())))


@router.get("", dependencies=[requires("customers:read")])
async def find(
    uow: Query, page: CurrentPage, customer_id: UUID | None = None, *, standing: bool | None = None
) -> Page[RelationView]:
    rows = await list_relations(uow, customer_id=customer_id, standing=standing, after=page.after, limit=page.limit)
    return page.of(uow, [RelationView.of(row) for row in rows])


@router.get("/{relation_id}", dependencies=[requires("customers:read")])
async def read(relation_id: UUID, uow: Query) -> RelationView:
    return uow.answer(await show(uow, relation_id))


@router.post("/{relation_id}/end", dependencies=[requires("customers:update")])
async def end(relation_id: UUID, uow: Change, clock: CurrentClock) -> RelationView:
    return uow.answer(RelationView.of(await end_relation(uow, relation_id, at=clock.now())))
