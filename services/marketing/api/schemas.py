"""What the marketing API takes and shows."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from libs.common.codes import Code
from libs.common.schemas import Body, PlainView, View, with_places
from libs.contracts.marketing import CampaignChannel, ProductKind, RiskRating, SegmentGroup
from services.marketing.domain.campaign import Status
from services.marketing.domain.member import MemberStatus, Suppression
from services.marketing.domain.points import Movement
from services.marketing.domain.product import ProductStatus
from services.marketing.domain.segment import Segment

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Kinds = Annotated[list[ProductKind], Field(default_factory=list, max_length=12)]
Points = Annotated[int, Field(ge=1, le=1_000_000_000)]
Money = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=4), with_places(4)]


class NewProduct(Body):
    code: Code
    name: Name
    kind: ProductKind
    risk_rating: Annotated[RiskRating | None, Field(description="For what can lose money, and for nothing else.")] = (
        None
    )


class ProductView(PlainView):
    code: str
    name: str
    kind: ProductKind
    risk_rating: RiskRating | None
    status: ProductStatus
    launched_at: datetime
    withdrawn_at: datetime | None


class Spending(Body):
    points: Points
    purpose: Annotated[Name, Field(description="What for.")]


class PointsAccountView(PlainView):
    """`balance` is what can be spent, but for what expired this very night."""

    customer_id: UUID
    balance: int


class EntryView(View):
    """A line of the ledger: what one movement did to one lot. `sequence` is the movement's, `balance` that after it."""

    points_account_id: UUID
    sequence: int
    movement: Movement
    lot_id: UUID
    points: int
    balance: int
    expires_on: date
    purpose: str | None
    at: datetime

    @classmethod
    def of(cls, row: Any) -> Self:
        plain = {name: getattr(row, name) for name in cls.model_fields if name != "version"}
        view = cls(**plain, version=row.sequence)
        view._concerns = (row.customer_id,)
        return view


class SegmentBody(Body):
    """Conditions that all must hold; what is left out asks for nothing."""

    holds: Annotated[Kinds, Field(description="Kinds of account that they hold, all of them.")]
    lacks: Annotated[Kinds, Field(description="Kinds of account that they hold none of.")]
    value_groups: Annotated[list[SegmentGroup], Field(default_factory=list, max_length=4)]
    assets_from: Money | None = None

    def value(self) -> Segment:
        groups = tuple(self.value_groups)
        return Segment(
            holds=tuple(self.holds), lacks=tuple(self.lacks), value_groups=groups, assets_from=self.assets_from
        )


class NewCampaign(Body):
    org_unit_id: Annotated[UUID, Field(description="For the customers of this unit and those below.")]
    code: Code
    name: Name
    channel: CampaignChannel
    product_id: UUID | None = None
    segment: Annotated[SegmentBody, Field(default_factory=lambda: SegmentBody.model_validate({}))]
    message: Prose


class SegmentView(BaseModel):
    holds: list[ProductKind]
    lacks: list[ProductKind]
    value_groups: list[SegmentGroup]
    assets_from: Decimal | None


class CampaignView(View):
    """Once it is finished, `queued` are told and `suppressed` are left out, each for a reason that its member shows."""

    org_unit_id: UUID
    code: str
    name: str
    channel: CampaignChannel
    product_id: UUID | None
    segment: SegmentView
    message: str
    status: Status
    author_id: UUID
    approver_id: UUID | None
    drafted_at: datetime
    started_at: datetime | None
    queued: int | None
    suppressed: int | None

    @classmethod
    def of(cls, campaign: Any) -> Self:
        """From an aggregate or from a row of the list. Counts that still run are of no version, and not shown."""
        plain = {name: getattr(campaign, name) for name in cls.model_fields if name != "segment"}
        if campaign.status is not Status.FINISHED:
            plain |= {"queued": None, "suppressed": None}
        return cls(**plain, segment=SegmentView(**vars(campaign.segment)))


class CampaignMemberView(PlainView):
    """Somebody whom a campaign's segment holds; `reason` says why they are left out."""

    campaign_id: UUID
    customer_id: UUID
    channel: CampaignChannel
    status: MemberStatus
    reason: Suppression | None
    selected_at: datetime
