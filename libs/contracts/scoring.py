"""What the scoring service tells the world."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import ClassVar, Literal
from uuid import UUID

from libs.common.domain import DomainEvent
from libs.common.topics import Topic

EVENTS = Topic(name="crm.scoring.events.v1")
SECTION = Topic(name="crm.section.scoring.v1", cleanup="compact", retention=timedelta(days=7))

ScoreGroup = Literal["sleeping", "low", "valuable", "high_value_added"]
ScoreCause = Literal[
    "deposit_income", "loan_income", "fee_income", "operating_cost", "contact_cost", "expected_loss", "tax",
    "capital_cost",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ScoreComputed(DomainEvent):
    """What a customer contributes a year was reckoned by a policy, of what was held on a day in Shanghai.

    `contribution` in `currency`, to the cent; `assets`, which they own on the month's average, in CNY: decimal strings.
    """

    type: ClassVar[str] = "crm.score.computed.v1"
    score_id: UUID
    customer_id: UUID
    policy_id: UUID
    as_of: date
    currency: str
    contribution: Decimal
    value_group: ScoreGroup
    assets: Decimal

    @property
    def subject(self) -> UUID:
        return self.score_id

    def customers(self) -> Iterable[UUID]:
        return (self.customer_id,)


@dataclass(frozen=True, kw_only=True)
class ContributionPolicyAdopted(DomainEvent):
    """The bank reckons by other figures from a day on."""

    type: ClassVar[str] = "crm.contribution_policy.adopted.v1"
    policy_id: UUID
    effective_from: date

    @property
    def subject(self) -> UUID:
        return self.policy_id


ALL: tuple[type[DomainEvent], ...] = (ScoreComputed, ContributionPolicyAdopted)
