"""What the bank offers."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from libs.common.domain import Aggregate, Conflict, InvalidValue
from libs.contracts.marketing import ProductKind, ProductLaunched, ProductWithdrawn, RiskRating

INVESTED = frozenset({"wealth_product", "fund", "insurance", "metal", "bond"})
"""Kinds that can lose money, and so bear a risk rating (R1 低 to R5 高)."""


class ProductStatus(StrEnum):
    ON_OFFER = "on_offer"
    WITHDRAWN = "withdrawn"


@dataclass(kw_only=True, eq=False)
class Product(Aggregate):
    """`code` names it for the bank; `kind` is that of the accounts it makes."""

    code: str
    name: str
    kind: ProductKind
    risk_rating: RiskRating | None
    launched_at: datetime
    withdrawn_at: datetime | None = None
    status: ProductStatus = ProductStatus.ON_OFFER

    def launch(self) -> None:
        """Raises InvalidValue where a rating is missing, or given for what has none."""
        if (self.kind in INVESTED) != (self.risk_rating is not None):
            rated = "bears a risk rating, R1 to R5" if self.kind in INVESTED else "bears no risk rating"
            raise InvalidValue("risk_rating", f"A product of kind '{self.kind}' {rated}.")
        self.record(
            ProductLaunched(
                occurred_at=self.launched_at,
                product_id=self.id,
                code=self.code,
                kind=self.kind,
                risk_rating=self.risk_rating,
            )
        )

    def withdraw(self, *, at: datetime) -> None:
        if self.status is ProductStatus.WITHDRAWN:
            raise Conflict("This product is withdrawn already.")
        self.status, self.withdrawn_at = ProductStatus.WITHDRAWN, at
        self.record(ProductWithdrawn(occurred_at=at, product_id=self.id, code=self.code))
