"""`/api/v1/products`: what the bank offers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from libs.common.access import CurrentClock, Query, requires
from libs.common.commands import command
from libs.common.database import UnitOfWork
from libs.common.pages import CurrentPage, Page
from libs.contracts.marketing import ProductKind
from services.marketing.api.schemas import NewProduct, ProductView
from services.marketing.domain.product import ProductStatus
from services.marketing.storage.queries import list_products
from services.marketing.storage.repository import ProductRepository
from services.marketing.use_cases.offering import launch_product, withdraw_product

router = APIRouter(prefix="/api/v1/products", tags=["products"])


async def show(uow: UnitOfWork, product_id: UUID) -> ProductView:
    return ProductView.of(await ProductRepository(uow).get(product_id))


Create = Annotated[UnitOfWork, command(show, conditional=False)]
Change = Annotated[UnitOfWork, command(show, conditional=True)]


@router.post("", status_code=201, dependencies=[requires("products:change")])
async def launch(body: NewProduct, uow: Create, clock: CurrentClock) -> ProductView:
    return uow.answer(ProductView.of(await launch_product(uow, **dict(body), at=clock.now())))


@router.get("", dependencies=[requires("products:read")])
async def find(
    uow: Query,
    page: CurrentPage,
    code: str | None = None,
    kind: ProductKind | None = None,
    status: ProductStatus | None = None,
) -> Page[ProductView]:
    rows = await list_products(uow, code=code, kind=kind, status=status, after=page.after, limit=page.limit)
    return page.of(uow, [ProductView.of(row) for row in rows])


@router.get("/{product_id}", dependencies=[requires("products:read")])
async def read(product_id: UUID, uow: Query) -> ProductView:
    return uow.answer(await show(uow, product_id))


@router.post("/{product_id}/withdraw", dependencies=[requires("products:change")])
async def withdraw(product_id: UUID, uow: Change, clock: CurrentClock) -> ProductView:
    """Offer it no more; who holds it goes on holding it."""
    return uow.answer(ProductView.of(await withdraw_product(uow, product_id, at=clock.now())))
