"""Recency, frequency, monetary value: fifths of all customers, and what a group of them is called."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

NEVER = date.min
"""When those began something last who never did: before everybody else."""


@dataclass(frozen=True, kw_only=True)
class Fifths:
    """From 1, the least, to 5. Customers who are alike are in the same fifth."""

    recency: int
    frequency: int
    monetary: int

    @property
    def name(self) -> str:
        """What the bank calls them; the first that fits."""
        if self == CHAMPION:
            return "champion"
        if self.recency <= 2 and self.monetary >= 4:  # noqa: PLR2004 - fifths
            return "at_risk"
        if self.recency >= 4 and self.frequency >= 4:  # noqa: PLR2004 - fifths
            return "loyal"
        if self.recency >= 4 and self.frequency <= 2:  # noqa: PLR2004 - fifths
            return "new"
        return "sleeping" if self.recency == 1 else "regular"


CHAMPION = Fifths(recency=5, frequency=5, monetary=5)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The four values of each measure at which a fifth of all customers ends, as they were dealt last."""

    recency: Sequence[date]
    frequency: Sequence[int]
    monetary: Sequence[Decimal]

    def place(self, *, last_initiated_on: date | None, initiated: int, assets: Decimal) -> Fifths:
        """Where somebody stands among those by whom the bounds were drawn."""
        return Fifths(
            recency=_fifth(last_initiated_on or NEVER, self.recency),
            frequency=_fifth(initiated, self.frequency),
            monetary=_fifth(assets, self.monetary),
        )


def _fifth(value: Any, bounds: Sequence[Any]) -> int:
    return 1 + len([bound for bound in bounds if bound < value])
