"""What the customer service tells the world."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Literal
from uuid import UUID

from libs.common.domain import DomainEvent
from libs.common.topics import Topic

EVENTS = Topic(name="crm.customer.events.v1")
SECTION = Topic(name="crm.section.customer.v1", cleanup="compact", retention=timedelta(days=7))
REFERENCE = Topic(name="crm.reference.customer.v1", cleanup="compact", retention=timedelta(days=7))

CustomerKind = Literal["person", "organisation"]
HoldingKind = Literal[
    "current", "savings", "term_deposit", "wealth_product", "fund", "insurance",
    "metal", "bond", "loan", "credit_card", "debit_card", "standing_order",
]  # fmt: skip
HolderRole = Literal["owner", "co_owner", "authorised_user"]
AccountStatus = Literal["open", "closed"]
OverdueBucket = Literal["0", "1-30", "31-90", "90+"]
ConsentPurpose = Literal["third_party_sharing", "marketing"]
MarketingChannel = Literal["sms", "phone", "email", "push"]
RelationKind = Literal["spouse", "parent", "child", "sibling", "household_member"]
IdentifierKind = Literal["identity_document", "contact_point", "account"]


@dataclass(frozen=True, kw_only=True)
class CustomerEvent(DomainEvent):
    """Something happened to a customer."""

    customer_id: UUID

    @property
    def subject(self) -> UUID:
        return self.customer_id

    def customers(self) -> Iterable[UUID]:
        return (self.customer_id,)


@dataclass(frozen=True, kw_only=True)
class CustomerRegistered(CustomerEvent):
    """A customer became known. Names and documents stay with the customer service."""

    type: ClassVar[str] = "crm.customer.registered.v1"
    kind: CustomerKind
    status: str
    home_unit_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class CustomerActivated(CustomerEvent):
    """A valid identity document made a prospect an active customer."""

    type: ClassVar[str] = "crm.customer.activated.v1"


@dataclass(frozen=True, kw_only=True)
class CustomerUpdated(CustomerEvent):
    """What is kept about a customer changed: `changed` names the kinds of thing, `home_unit_id` where they bank now."""

    type: ClassVar[str] = "crm.customer.updated.v1"
    changed: list[str]
    home_unit_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class AccountEvent(DomainEvent):
    """Something happened to a holding; it concerns all its holders."""

    account_id: UUID
    customer_id: UUID
    holder_ids: list[UUID]

    @property
    def subject(self) -> UUID:
        return self.account_id

    @property
    def key(self) -> UUID:
        return self.customer_id

    def customers(self) -> Iterable[UUID]:
        return {self.customer_id, *self.holder_ids}


@dataclass(frozen=True, kw_only=True)
class AccountOpened(AccountEvent):
    """A holding of any kind began. `customer_id` is its main holder. Money in `currency`, as a decimal string."""

    type: ClassVar[str] = "crm.account.opened.v1"
    kind: HoldingKind
    product: str
    currency: str
    opened_on: date | None
    balance: Decimal | None


@dataclass(frozen=True, kw_only=True)
class AccountUpdated(AccountEvent):
    """The core banking system stated a holding anew."""

    type: ClassVar[str] = "crm.account.updated.v1"
    balance: Decimal | None


@dataclass(frozen=True, kw_only=True)
class AccountClosed(AccountEvent):
    """A holding ended; the day is null where its keeper does not tell."""

    type: ClassVar[str] = "crm.account.closed.v1"
    closed_on: date | None


@dataclass(frozen=True, kw_only=True)
class KindOfHolding:
    """What a customer owns or co-owns of one kind, in one currency. `accounts` are the open ones, `balance` is theirs.

    Averages are of each day's balance: over the calendar month up to `as_of`, the whole month before it, and the 365
    days up to it. `year_interest` is each year average at its account's rate of today, `rated_average` the sum of those
    whose rate is known. `overdue`: by how many days, `0`, `1-30`, `31-90`, `90+`. Money in `currency`, as strings.
    """

    kind: HoldingKind
    currency: str
    accounts: int
    balance: Decimal
    month_average: Decimal
    last_month_average: Decimal
    year_average: Decimal
    year_interest: Decimal
    overdue: dict[OverdueBucket, Decimal]
    rated_average: Decimal = Decimal("0.0000")


@dataclass(frozen=True, kw_only=True)
class Flows:
    """What was booked in one currency in the `days` up to `until`, inclusive. A reversal takes back what it reverses.

    `bookings` is how many, `initiated` how many of them the customer began.
    """

    currency: str
    days: int
    until: date
    inflow: Decimal
    outflow: Decimal
    bookings: int
    initiated: int


@dataclass(frozen=True, kw_only=True)
class HoldingsChanged(CustomerEvent):
    """What a customer holds, and what flowed, as of a day in Shanghai; at most one for a customer and day.

    `holdings_id` counts these events. `assets` is owned of all kinds, in CNY, on this month's average so far;
    `branch_contacts` on how many of the last 365 days the customer began something at a branch, `fees` paid, in CNY.
    """

    type: ClassVar[str] = "crm.holdings.changed.v1"
    holdings_id: UUID
    as_of: date
    kinds: list[KindOfHolding]
    flows: list[Flows]
    last_initiated_on: date | None
    assets: Decimal = Decimal("0.0000")
    last_month_assets: Decimal = Decimal("0.0000")
    branch_contacts: int = 0
    fees: Decimal = Decimal("0.0000")

    @property
    def subject(self) -> UUID:
        return self.holdings_id


@dataclass(frozen=True, kw_only=True)
class CustomerGradeEvent(CustomerEvent):
    """`assets` is what the customer owns on the month's average, in CNY."""

    grade: str
    assets: Decimal


@dataclass(frozen=True, kw_only=True)
class CustomerGradeUpgraded(CustomerGradeEvent):
    """A customer stands higher; `former` is null for their first grade."""

    type: ClassVar[str] = "crm.customer_grade.upgraded.v1"
    former: str | None


@dataclass(frozen=True, kw_only=True)
class CustomerGradeWatched(CustomerGradeEvent):
    """A customer owns less than their grade asks for, and keeps it for so many months more."""

    type: ClassVar[str] = "crm.customer_grade.watched.v1"
    months_left: int


@dataclass(frozen=True, kw_only=True)
class CustomerGradeDowngraded(CustomerGradeEvent):
    """A customer stands lower, after having owned less for as long as the grade lets pass."""

    type: ClassVar[str] = "crm.customer_grade.downgraded.v1"
    former: str


@dataclass(frozen=True, kw_only=True)
class CustomerRelationEvent(DomainEvent):
    """Of two customers; `kind` is what the related one is to the customer."""

    relation_id: UUID
    customer_id: UUID
    related_id: UUID
    kind: RelationKind

    @property
    def subject(self) -> UUID:
        return self.relation_id

    def customers(self) -> Iterable[UUID]:
        return (self.customer_id, self.related_id)


@dataclass(frozen=True, kw_only=True)
class CustomerRelationAdded(CustomerRelationEvent):
    """Two customers are known to belong together."""

    type: ClassVar[str] = "crm.customer_relation.added.v1"


@dataclass(frozen=True, kw_only=True)
class CustomerRelationEnded(CustomerRelationEvent):
    """They do no more."""

    type: ClassVar[str] = "crm.customer_relation.ended.v1"


@dataclass(frozen=True, kw_only=True)
class ConsentEvent(DomainEvent):
    """Of a customer. `party` is the code of who may act on it, `bank` the bank itself; `channel` of marketing alone."""

    consent_id: UUID
    customer_id: UUID
    purpose: ConsentPurpose
    party: str
    channel: MarketingChannel | None = None

    @property
    def subject(self) -> UUID:
        return self.consent_id

    def customers(self) -> Iterable[UUID]:
        return (self.customer_id,)


@dataclass(frozen=True, kw_only=True)
class ConsentGranted(ConsentEvent):
    """A customer agreed. `text_version` names the words that they agreed to."""

    type: ClassVar[str] = "crm.consent.granted.v1"
    text_version: str


@dataclass(frozen=True, kw_only=True)
class ConsentWithdrawn(ConsentEvent):
    """A customer took a consent back; from now on nobody acts on it."""

    type: ClassVar[str] = "crm.consent.withdrawn.v1"


@dataclass(frozen=True, kw_only=True)
class PiiRevealed(DomainEvent):
    """A member of staff saw an identifier in clear. Which one, never what it is; the reason stays with the service."""

    type: ClassVar[str] = "crm.pii.revealed.v1"
    reveal_id: UUID
    customer_id: UUID
    staff_id: UUID
    kind: IdentifierKind
    thing_id: UUID
    expires_at: datetime

    @property
    def subject(self) -> UUID:
        return self.reveal_id

    def customers(self) -> Iterable[UUID]:
        return (self.customer_id,)


ALL: tuple[type[DomainEvent], ...] = (
    CustomerRegistered, CustomerActivated, CustomerUpdated, AccountOpened, AccountUpdated, AccountClosed,
    HoldingsChanged, CustomerGradeUpgraded, CustomerGradeWatched, CustomerGradeDowngraded,
    CustomerRelationAdded, CustomerRelationEnded, ConsentGranted, ConsentWithdrawn, PiiRevealed,
)  # fmt: skip
