"""How a bank grades its customers: by the month's average of what they own (月日均资产), up at once and down slowly."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from libs.contracts.customer import KindOfHolding

ASSETS = frozenset({"current", "savings", "term_deposit", "wealth_product", "fund", "insurance", "metal", "bond"})
"""What customers own with the bank: assets under management. What they owe is taken off nowhere."""
CURRENCY = "CNY"
"""In which the ladder is written; what is held in another counts for nothing."""


@dataclass(frozen=True, kw_only=True)
class Rung:
    """A grade, from how much on, and for how many months in a row less is let pass."""

    code: str
    min_assets: Decimal
    grace_months: int


@dataclass(frozen=True)
class Ladder:
    """Rungs from the lowest, which begins at nothing."""

    rungs: Sequence[Rung]

    def grade_of(self, assets: Decimal) -> str:
        return max(self._reached(assets), key=lambda rung: rung.min_assets).code

    def height(self, grade: str | None) -> int:
        """Counted from the lowest; a grade that the bank has abolished stands below all."""
        return next((place for place, rung in enumerate(self._sorted()) if rung.code == grade), -1)

    def grace_months(self, grade: str) -> int:
        return next((rung.grace_months for rung in self.rungs if rung.code == grade), 0)

    def _sorted(self) -> list[Rung]:
        return sorted(self.rungs, key=lambda rung: rung.min_assets)

    def _reached(self, assets: Decimal) -> Iterable[Rung]:
        lowest = self._sorted()[0]
        return [lowest, *[rung for rung in self.rungs if rung.min_assets <= assets]]


def assets_in(kinds: Iterable[KindOfHolding], *, last_month: bool = False) -> Decimal:
    """What is owned, on this month's average or on that of the whole month before."""
    owned = [kind for kind in kinds if kind.kind in ASSETS and kind.currency == CURRENCY]
    averages = [kind.last_month_average if last_month else kind.month_average for kind in owned]
    return sum(averages, Decimal("0.0000"))
