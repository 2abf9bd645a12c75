"""What a customer holds, as scoring keeps it: enough to score again when the bank's policy changes."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

OverdueBucket = Literal["0", "1-30", "31-90", "90+"]
"""Days."""
DEPOSITS = frozenset({"current", "savings", "term_deposit"})
LOANS = frozenset({"loan", "credit_card"})


@dataclass(frozen=True, kw_only=True)
class Holding:
    """All of one kind in one currency. `rated_average` is of the year's days, on accounts whose rate is known;
    `year_interest` is what that comes to at the rates of today.

    `overdue` is what is owed, by for how many days it is overdue. Money in `currency`.
    """

    kind: str
    currency: str
    accounts: int
    rated_average: Decimal
    year_interest: Decimal
    overdue: dict[OverdueBucket, Decimal]
