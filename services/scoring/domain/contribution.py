"""What a customer contributes a year: income less cost, line by line, so that the reasons are the score.

Deposits earn their transfer price less what they pay, loans what they are paid less theirs, where the rate is known;
fees; then operating cost, of accounts and of contacts at a branch, expected loss (PD by LGD by EAD), tax, and the
hurdle on the capital that loans tie up. A year has 365 days, interest is reckoned by 360.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from services.scoring.domain.holding import DEPOSITS, LOANS, Holding
from services.scoring.domain.policy import ContributionPolicy

CENT, NOTHING = Decimal("0.01"), Decimal()
YEAR = Decimal(365) / Decimal(360)


class Cause(StrEnum):
    DEPOSIT_INCOME = "deposit_income"
    LOAN_INCOME = "loan_income"
    FEE_INCOME = "fee_income"
    OPERATING_COST = "operating_cost"
    CONTACT_COST = "contact_cost"
    EXPECTED_LOSS = "expected_loss"
    TAX = "tax"
    CAPITAL_COST = "capital_cost"


class ValueGroup(StrEnum):
    """价值分组: how much a customer contributes."""

    SLEEPING = "sleeping"
    LOW = "low"
    VALUABLE = "valuable"
    HIGH_VALUE_ADDED = "high_value_added"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One line: `amount` is added to the score, to the cent; `kind` is of the holdings that it comes from."""

    cause: Cause
    kind: str | None
    amount: Decimal


def reasons_of(
    holdings: Sequence[Holding], policy: ContributionPolicy, *, fees: Decimal, branch_contacts: int
) -> list[Reason]:
    """The lines, those of nothing left out. What is held in another currency than the policy's counts for nothing."""
    counted = [holding for holding in holdings if holding.currency == policy.currency]
    contacts = _line(Cause.CONTACT_COST, None, -policy.cost_per_branch_contact * branch_contacts)
    paid = _line(Cause.FEE_INCOME, None, fees)
    before_tax = [*_income(counted, policy), paid, *_cost(counted, policy), contacts]
    profit = sum((line.amount for line in before_tax), Decimal())
    owed = sum((_exposure(holding) for holding in counted if holding.kind in LOANS), Decimal())
    after = [
        _line(Cause.TAX, None, -policy.tax * max(profit, Decimal())),
        _line(Cause.CAPITAL_COST, None, -policy.capital * policy.hurdle * owed),
    ]
    return [line for line in (*before_tax, *after) if line.amount]


def total(reasons: Iterable[Reason]) -> Decimal:
    return sum((line.amount for line in reasons), Decimal("0.00"))


def value_group(value: Decimal, *, is_asleep: bool, policy: ContributionPolicy) -> ValueGroup:
    """`is_asleep`: nothing is held, or nothing was begun by the customer for the longest window that is told."""
    if is_asleep:
        return ValueGroup.SLEEPING
    if value >= policy.high_from:
        return ValueGroup.HIGH_VALUE_ADDED
    return ValueGroup.VALUABLE if value >= policy.valuable_from else ValueGroup.LOW


def _income(holdings: Sequence[Holding], policy: ContributionPolicy) -> Iterator[Reason]:
    for holding in holdings:
        if holding.kind in DEPOSITS:
            earned = holding.rated_average * policy.ftp_deposits - holding.year_interest
            yield _line(Cause.DEPOSIT_INCOME, holding.kind, earned * YEAR)
        elif holding.kind in LOANS:
            earned = holding.year_interest - holding.rated_average * policy.ftp_loans
            yield _line(Cause.LOAN_INCOME, holding.kind, earned * YEAR)


def _cost(holdings: Sequence[Holding], policy: ContributionPolicy) -> Iterator[Reason]:
    for holding in holdings:
        yield _line(Cause.OPERATING_COST, holding.kind, -policy.cost_per_account * holding.accounts)
        if holding.kind in LOANS:
            lost = sum((policy.pd[bucket] * max(owed, NOTHING) for bucket, owed in holding.overdue.items()), NOTHING)
            yield _line(Cause.EXPECTED_LOSS, holding.kind, -lost * policy.lgd)


def _exposure(holding: Holding) -> Decimal:
    """What is owed; a credit card that was overpaid is owed nothing on."""
    return sum((max(owed, NOTHING) for owed in holding.overdue.values()), NOTHING)


def _line(cause: Cause, kind: str | None, amount: Decimal) -> Reason:
    return Reason(cause=cause, kind=kind, amount=amount.quantize(CENT, ROUND_HALF_UP))
