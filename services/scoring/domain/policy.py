"""By which figures the bank reckons what a customer contributes: effective-dated, and never changed afterwards."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from libs.common.domain import Aggregate, InvalidValue
from libs.contracts.scoring import ContributionPolicyAdopted
from services.scoring.domain.holding import OverdueBucket


@dataclass(kw_only=True, eq=False)
class ContributionPolicy(Aggregate):
    """Rates are a year, as fractions; money is in `currency`.

    `ftp_deposits` and `ftp_loans` are what the treasury pays for money and takes for it (funds transfer pricing), `pd`
    the probability of default by for how long is overdue, `lgd` the part that is lost then. From `valuable_from` on a
    customer is valuable, from `high_from` on high-value-added. Each account costs `cost_per_account` a year, each day
    with something begun at a branch `cost_per_branch_contact`.
    """

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

    def adopt(self, *, today: date, at: datetime) -> None:
        """Raises InvalidValue for a day that has begun: what was reckoned stays reckoned so."""
        if self.effective_from <= today:
            raise InvalidValue("effective_from", "A policy begins on a day to come.")
        if self.high_from < self.valuable_from:
            raise InvalidValue("high_from", "High-value-added begins no lower than valuable.")
        self.record(ContributionPolicyAdopted(occurred_at=at, policy_id=self.id, effective_from=self.effective_from))
