from datetime import datetime
from uuid import UUID

from libs.common.database import UnitOfWork
from libs.common.ids import new_id
from libs.contracts.marketing import ProductKind, RiskRating
from services.marketing.domain.product import Product
from services.marketing.storage.repository import ProductRepository


async def launch_product(
    uow: UnitOfWork, *, code: str, name: str, kind: ProductKind, risk_rating: RiskRating | None, at: datetime
) -> Product:
    product = Product(id=new_id(), code=code, name=name, kind=kind, risk_rating=risk_rating, launched_at=at)
    product.launch()
    ProductRepository(uow).add(product)
    return product


async def withdraw_product(uow: UnitOfWork, product_id: UUID, *, at: datetime) -> Product:
    product = await ProductRepository(uow).get_for_change(product_id)
    product.withdraw(at=at)
    return product
