"""Recency, frequency, monetary value: fifths of all customers, and what a group of them is called."""

from dataclasses import dataclass


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
