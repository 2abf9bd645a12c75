"""What the marketing service tells the world."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar, Literal
from uuid import UUID

from libs.common.domain import DomainEvent
from libs.common.topics import Topic
from libs.contracts.customer import HoldingKind, MarketingChannel
from libs.contracts.scoring import ScoreGroup

EVENTS = Topic(name="crm.marketing.events.v1")
SECTION = Topic(name="crm.section.marketing.v1", cleanup="compact", retention=timedelta(days=7))

ProductKind = HoldingKind
CampaignChannel = MarketingChannel
SegmentGroup = ScoreGroup
RiskRating = Literal["R1", "R2", "R3", "R4", "R5"]
MemberStatus = Literal["queued", "suppressed"]
SuppressionReason = Literal["not_active", "no_consent", "open_complaint"]


@dataclass(frozen=True, kw_only=True)
class ProductEvent(DomainEvent):
    product_id: UUID
    code: str

    @property
    def subject(self) -> UUID:
        return self.product_id


@dataclass(frozen=True, kw_only=True)
class ProductLaunched(ProductEvent):
    """The bank offers a product from now on. `risk_rating` is null where none is asked for."""

    type: ClassVar[str] = "crm.product.launched.v1"
    kind: ProductKind
    risk_rating: RiskRating | None


@dataclass(frozen=True, kw_only=True)
class ProductWithdrawn(ProductEvent):
    """The bank offers a product no more; who holds it goes on holding it."""

    type: ClassVar[str] = "crm.product.withdrawn.v1"


@dataclass(frozen=True, kw_only=True)
class PointsEvent(DomainEvent):
    """A customer's points moved. `points` is by how many, never negative; `balance` what is there afterwards."""

    points_account_id: UUID
    customer_id: UUID
    points: int
    balance: int

    @property
    def subject(self) -> UUID:
        return self.points_account_id

    def customers(self) -> Iterable[UUID]:
        return (self.customer_id,)


@dataclass(frozen=True, kw_only=True)
class PointsEarned(PointsEvent):
    """By a rule of the bank's; they can be spent up to the end of `expires_on`, in Shanghai."""

    type: ClassVar[str] = "crm.points.earned.v1"
    rule: str
    expires_on: date


@dataclass(frozen=True, kw_only=True)
class PointsSpent(PointsEvent):
    """Those that expire first went first."""

    type: ClassVar[str] = "crm.points.spent.v1"


@dataclass(frozen=True, kw_only=True)
class PointsExpired(PointsEvent):
    """What was left of lots whose time had come."""

    type: ClassVar[str] = "crm.points.expired.v1"


@dataclass(frozen=True, kw_only=True)
class CampaignEvent(DomainEvent):
    campaign_id: UUID
    org_unit_id: UUID

    @property
    def subject(self) -> UUID:
        return self.campaign_id


@dataclass(frozen=True, kw_only=True)
class CampaignDrafted(CampaignEvent):
    """Somebody means to tell a segment something over `channel`."""

    type: ClassVar[str] = "crm.campaign.drafted.v1"
    code: str
    channel: CampaignChannel


@dataclass(frozen=True, kw_only=True)
class CampaignSubmitted(CampaignEvent):
    """Its author wants it approved."""

    type: ClassVar[str] = "crm.campaign.submitted.v1"


@dataclass(frozen=True, kw_only=True)
class CampaignApproved(CampaignEvent):
    """By somebody else than its author."""

    type: ClassVar[str] = "crm.campaign.approved.v1"


@dataclass(frozen=True, kw_only=True)
class CampaignRejected(CampaignEvent):
    """It goes back to its author."""

    type: ClassVar[str] = "crm.campaign.rejected.v1"


@dataclass(frozen=True, kw_only=True)
class CampaignStarted(CampaignEvent):
    """From now on its members are selected."""

    type: ClassVar[str] = "crm.campaign.started.v1"


@dataclass(frozen=True, kw_only=True)
class CampaignFinished(CampaignEvent):
    """All of its members are selected: so many are told, and so many are left out."""

    type: ClassVar[str] = "crm.campaign.finished.v1"
    queued: int
    suppressed: int


@dataclass(frozen=True, kw_only=True)
class CampaignCancelled(CampaignEvent):
    """Nobody is told any more."""

    type: ClassVar[str] = "crm.campaign.cancelled.v1"


@dataclass(frozen=True, kw_only=True)
class CampaignMemberEvent(DomainEvent):
    """Somebody whom a campaign's segment holds."""

    campaign_member_id: UUID
    campaign_id: UUID
    customer_id: UUID
    channel: CampaignChannel

    @property
    def subject(self) -> UUID:
        return self.campaign_member_id

    def customers(self) -> Iterable[UUID]:
        return (self.customer_id,)


@dataclass(frozen=True, kw_only=True)
class CampaignMemberQueued(CampaignMemberEvent):
    """They are to be told. Whoever tells them asks once more, at that moment, whether they still consent."""

    type: ClassVar[str] = "crm.campaign_member.queued.v1"


@dataclass(frozen=True, kw_only=True)
class CampaignMemberSuppressed(CampaignMemberEvent):
    """They are left out, and why: the first reason that holds."""

    type: ClassVar[str] = "crm.campaign_member.suppressed.v1"
    reason: SuppressionReason


ALL: tuple[type[DomainEvent], ...] = (
    ProductLaunched, ProductWithdrawn, PointsEarned, PointsSpent, PointsExpired,
    CampaignDrafted, CampaignSubmitted, CampaignApproved, CampaignRejected, CampaignStarted, CampaignFinished,
    CampaignCancelled, CampaignMemberQueued, CampaignMemberSuppressed,
)  # fmt: skip
