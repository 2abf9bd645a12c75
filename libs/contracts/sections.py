"""Sections of the 360° view: one document per customer, in a staff and a self variant, identifiers masked in both.

No value here changes by the mere passing of time: `due_at`, never `overdue`.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from libs.common.outlines import Masked
from libs.contracts.customer import AccountStatus, CustomerKind, Flows, HolderRole, HoldingKind, RelationKind
from libs.contracts.manager import AssignmentRole, AssignmentRule, BusinessLine
from libs.contracts.marketing import CampaignChannel, MemberStatus, SuppressionReason
from libs.contracts.scoring import ScoreCause, ScoreGroup


@dataclass(frozen=True, kw_only=True)
class MaskedDocument:
    type: str
    number: Masked
    valid_to: date | None


@dataclass(frozen=True, kw_only=True)
class MaskedContactPoint:
    contact_point_id: UUID
    kind: str
    value: Masked


@dataclass(frozen=True, kw_only=True)
class HoldingView:
    """`number` is masked. `role` is this customer's; only owners' and co-owners' balances count as theirs."""

    account_id: UUID
    kind: HoldingKind
    product: str
    number: Masked | None
    role: HolderRole
    status: AccountStatus
    currency: str
    balance: Decimal | None
    opened_on: date | None
    maturity_on: date | None


@dataclass(frozen=True, kw_only=True)
class ProfileSelf:
    """What the customer sees. `holdings` are the 200 that were entered last, open ones first, of `holding_count`.

    `balances`: by currency, of all open holdings that they own or co-own and whose balance is known. `version` is what
    a change of their own data names in If-Match.
    """

    version: int
    name: str
    kind: CustomerKind
    status: str
    documents: list[MaskedDocument]
    contact_points: list[MaskedContactPoint]
    holdings: list[HoldingView]
    holding_count: int
    balances: dict[str, Decimal]


@dataclass(frozen=True, kw_only=True)
class RelationShown:
    """`kind` is what the related one is to the customer; one of the two is whose profile it is."""

    relation_id: UUID
    customer_id: UUID
    related_id: UUID
    kind: RelationKind
    added_at: datetime


@dataclass(frozen=True, kw_only=True)
class ProfileStaff(ProfileSelf):
    """`flows` are of 30 and of 90 days, in each currency in which anything was booked; `relations` stand."""

    home_unit_id: UUID | None
    birth_date: date | None
    gender: str | None
    registered_at: datetime
    source_references: list[str]
    flows: list[Flows] = field(default_factory=list)
    grade: str | None = None
    relations: list[RelationShown] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """`crm.section.customer.v1`: section `profile`."""

    staff: ProfileStaff
    self: ProfileSelf


@dataclass(frozen=True, kw_only=True)
class ManagerView:
    name: str
    line: BusinessLine
    role: AssignmentRole


@dataclass(frozen=True, kw_only=True)
class ManagerStaffView(ManagerView):
    staff_id: UUID
    since: datetime
    rule: AssignmentRule | None
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class RelationshipSelf:
    managers: list[ManagerView]


@dataclass(frozen=True, kw_only=True)
class TaskShown:
    task_id: UUID
    kind: str
    staff_id: UUID
    due_at: datetime


@dataclass(frozen=True, kw_only=True)
class RelationshipStaff:
    """`tasks` are those that are open, the 20 that fall due first."""

    managers: list[ManagerStaffView]
    tasks: list[TaskShown] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Relationship:
    """`crm.section.manager.v1`: section `relationship`."""

    staff: RelationshipStaff
    self: RelationshipSelf


@dataclass(frozen=True, kw_only=True)
class ComplaintSelfView:
    complaint_id: UUID
    number: str
    status: str
    received_at: datetime
    due_at: datetime
    replied_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class ComplaintStaffView(ComplaintSelfView):
    channel: str
    business: str
    cause: str
    handler_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class ComplaintsSelf:
    """`open` counts complaints that are not closed; `complaints` holds the latest 20."""

    open: int
    complaints: list[ComplaintSelfView]


@dataclass(frozen=True, kw_only=True)
class ComplaintsStaff:
    open: int
    complaints: list[ComplaintStaffView]


@dataclass(frozen=True, kw_only=True)
class Complaints:
    """`crm.section.complaints.v1`: section `complaints`."""

    staff: ComplaintsStaff
    self: ComplaintsSelf


@dataclass(frozen=True, kw_only=True)
class PointsLeft:
    """So many points last up to the end of that day, in Shanghai."""

    remaining: int
    expires_on: date


@dataclass(frozen=True, kw_only=True)
class Points:
    points_account_id: UUID
    balance: int
    lots: list[PointsLeft]


@dataclass(frozen=True, kw_only=True)
class CampaignShare:
    """A campaign whose segment holds the customer: told, or left out for a reason."""

    campaign_member_id: UUID
    campaign_id: UUID
    code: str
    name: str
    channel: CampaignChannel
    status: MemberStatus
    reason: SuppressionReason | None
    selected_at: datetime


@dataclass(frozen=True, kw_only=True)
class MarketingStaff:
    """`points` is null until some were earned; `channels` are those that the customer consents to; the newest ten
    campaigns come first.
    """

    points: Points | None
    channels: list[CampaignChannel]
    campaigns: list[CampaignShare]


@dataclass(frozen=True, kw_only=True)
class MarketingSelf:
    points: Points | None


@dataclass(frozen=True, kw_only=True)
class Marketing:
    """`crm.section.marketing.v1`: section `marketing`."""

    staff: MarketingStaff
    self: MarketingSelf


@dataclass(frozen=True, kw_only=True)
class ScoreReason:
    """One line of a score; `kind` is of the holdings that it comes from."""

    cause: ScoreCause
    kind: HoldingKind | None
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class Fifths:
    """Among all customers, from 1, the least, to 5. `name` is what the bank calls the group."""

    recency: int
    frequency: int
    monetary: int
    name: str


@dataclass(frozen=True, kw_only=True)
class ValueScore:
    """What the customer contributes a year, in `currency`: its reasons, added up.

    `assets` is what they own, on the month's average; `initiated` counts bookings of 90 days that they began, and
    `branch_contacts` the days of a year on which they did so at a branch; `fees` of a year. `fifths` is null before any
    were drawn.
    """

    score_id: UUID
    as_of: date
    policy_id: UUID
    currency: str
    contribution: Decimal
    value_group: ScoreGroup
    reasons: list[ScoreReason]
    assets: Decimal
    initiated: int
    last_initiated_on: date | None
    branch_contacts: int = 0
    fees: Decimal = Decimal("0.0000")
    fifths: Fifths | None


@dataclass(frozen=True, kw_only=True)
class ScoresStaff:
    """`value` is null until it was told what the customer holds."""

    value: ValueScore | None


@dataclass(frozen=True, kw_only=True)
class ScoresSelf:
    """Nothing yet: a customer is told of a score where a decision about them rests on one."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """`crm.section.scoring.v1`: section `scores`."""

    staff: ScoresStaff
    self: ScoresSelf
