"""What the scoring API takes and shows."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field

from libs.common.schemas import Body, PlainView, View, with_places
from services.scoring.domain.contribution import Cause, ValueGroup
from services.scoring.domain.holding import OverdueBucket

Rate = Annotated[Decimal, Field(ge=0, le=1, decimal_places=6), with_places(6)]
Money = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=4), with_places(4)]
Currency = Literal["CNY"]
"""What is held in another one counts for nothing, so the bank reckons in its own."""
PER_BRANCH_CONTACT = Decimal(15)
"""Where a policy says nothing else."""
Probabilities = Annotated[dict[OverdueBucket, Rate], Field(min_length=4, description="Of default, by days overdue.")]


class NewContributionPolicy(Body):
    """Rates are a year, as fractions; money is in `currency`."""

    effective_from: Annotated[date, Field(description="A day to come, in Shanghai.")]
    currency: Currency
    ftp_deposits: Annotated[Rate, Field(description="What the treasury pays for money.")]
    ftp_loans: Annotated[Rate, Field(description="What the treasury takes for money.")]
    cost_per_account: Money
    cost_per_branch_contact: Annotated[Money, Field(description="For each day with one.")] = PER_BRANCH_CONTACT
    pd: Probabilities
    lgd: Annotated[Rate, Field(description="The part that is lost by a default.")]
    tax: Rate
    capital: Annotated[Rate, Field(description="The part of what is owed that capital is held for.")]
    hurdle: Annotated[Rate, Field(description="What that capital must earn.")]
    valuable_from: Money
    high_from: Money


class ContributionPolicyView(PlainView):
    effective_from: date
    currency: str
    ftp_deposits: Decimal
    ftp_loans: Decimal
    cost_per_account: Decimal
    cost_per_branch_contact: Decimal
    pd: dict[OverdueBucket, Decimal]
    lgd: Decimal
    tax: Decimal
    capital: Decimal
    hurdle: Decimal
    valuable_from: Decimal
    high_from: Decimal


class ReasonView(BaseModel):
    """One line of a score; `kind` is of the holdings that it comes from."""

    cause: Cause
    kind: str | None
    amount: Decimal


class ScoreView(View):
    """What a customer contributes a year, in `currency`: the amounts of its reasons, added up.

    `recency`, `frequency` and `monetary` are fifths of all customers, 5 the most; null before any were drawn.
    """

    customer_id: UUID
    as_of: date
    policy_id: UUID
    currency: str
    contribution: Decimal
    value_group: ValueGroup
    reasons: list[ReasonView]
    assets: Annotated[Decimal, Field(description="What the customer owns, on this month's average.")]
    initiated: Annotated[int, Field(description="Bookings of 90 days that the customer began.")]
    last_initiated_on: date | None
    branch_contacts: Annotated[int, Field(description="Days of a year on which the customer began something there.")]
    fees: Annotated[Decimal, Field(description="Paid in a year, in CNY.")]
    recency: int | None
    frequency: int | None
    monetary: int | None
    rfm_name: str | None

    @classmethod
    def of(cls, score: Any) -> Self:
        """From an aggregate or from a row of the list."""
        plain = {name: getattr(score, name) for name in cls.model_fields if name != "reasons"}
        return cls(**plain, reasons=[ReasonView(**vars(line)) for line in score.reasons])
