"""A customer's value: what they contribute, why, and in which group that puts them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from libs.common.domain import Aggregate
from libs.contracts.scoring import ScoreComputed
from services.scoring.domain.contribution import Reason, ValueGroup, reasons_of, total, value_group
from services.scoring.domain.holding import Holding
from services.scoring.domain.policy import ContributionPolicy
from services.scoring.domain.rfm import Bounds

ASLEEP_AFTER = timedelta(days=90)


@dataclass(kw_only=True, eq=False)
class Score(Aggregate):
    """One for a customer. `assets` is the month's average of what they own; `initiated` is of 90 days,
    `branch_contacts` and
    `fees` are of 365.
    """

    customer_id: UUID
    as_of: date
    policy_id: UUID
    currency: str
    contribution: Decimal = Decimal("0.00")
    value_group: ValueGroup = ValueGroup.SLEEPING
    reasons: list[Reason] = field(default_factory=list)
    holdings: list[Holding] = field(default_factory=list)
    assets: Decimal = Decimal("0.0000")
    initiated: int = 0
    last_initiated_on: date | None = None
    branch_contacts: int = 0
    fees: Decimal = Decimal("0.0000")
    recency: int | None = None
    frequency: int | None = None
    monetary: int | None = None
    rfm_name: str | None = None

    def hear(
        self,
        holdings: Sequence[Holding],
        *,
        assets: Decimal,
        initiated: int,
        last_initiated_on: date | None,
        branch_contacts: int,
        fees: Decimal,
        as_of: date,
    ) -> None:
        """Take over what is held now."""
        self.holdings, self.assets, self.as_of = list(holdings), assets, as_of
        self.initiated, self.last_initiated_on = initiated, last_initiated_on
        self.branch_contacts, self.fees = branch_contacts, fees

    def compute(self, policy: ContributionPolicy, bounds: Bounds | None, *, today: date, at: datetime) -> None:
        """By a policy, of what is held; whoever rests falls asleep though nothing is heard of them."""
        self.policy_id, self.currency = policy.id, policy.currency
        self.reasons = reasons_of(self.holdings, policy, fees=self.fees, branch_contacts=self.branch_contacts)
        self.contribution = total(self.reasons)
        self.value_group = value_group(self.contribution, is_asleep=self._is_asleep(today), policy=policy)
        if bounds is not None:
            self._place(bounds)
        self.record(
            ScoreComputed(
                occurred_at=at,
                score_id=self.id,
                customer_id=self.customer_id,
                policy_id=self.policy_id,
                as_of=self.as_of,
                currency=self.currency,
                contribution=self.contribution,
                value_group=self.value_group.value,
                assets=self.assets,
            )
        )

    def _place(self, bounds: Bounds) -> None:
        fifths = bounds.place(last_initiated_on=self.last_initiated_on, initiated=self.initiated, assets=self.assets)
        self.recency, self.frequency, self.monetary = fifths.recency, fifths.frequency, fifths.monetary
        self.rfm_name = fifths.name

    def _is_asleep(self, today: date) -> bool:
        holds_nothing = not any(holding.accounts for holding in self.holdings)
        last = self.last_initiated_on
        return holds_nothing or last is None or last <= today - ASLEEP_AFTER
