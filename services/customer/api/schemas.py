"""What the customer API takes and shows. Identifiers are shown masked."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from libs.common.codes import Code as Word
from libs.common.codes import ProductCode
from libs.common.outlines import Masked
from libs.common.schemas import Body, PlainView, View, with_places
from libs.contracts.customer import AccountStatus, HoldingKind, MarketingChannel
from services.customer.domain.account import Account, Origin
from services.customer.domain.consent import BANK, Consent, Purpose
from services.customer.domain.customer import ContactKind, Customer, Kind, Status
from services.customer.domain.identity_documents import DocumentType
from services.customer.domain.relation import RelationKind
from services.customer.domain.reveal import IdentifierKind, Reveal

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Identifier = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]
Money = Annotated[Decimal, Field(max_digits=20, decimal_places=4), with_places(4)]

MOST_AT_ONCE = 100


class NewDocument(Body):
    type: DocumentType
    number: Identifier
    valid_from: date | None = None
    valid_to: date | None = None


class NewContactPoint(Body):
    kind: ContactKind
    value: Identifier


class NewSourceReference(Body):
    source: Code
    source_id: Code


class NewCustomer(Body):
    kind: Kind = Kind.PERSON
    name: Name
    home_unit_id: UUID | None = None
    birth_date: date | None = None
    gender: Annotated[str | None, Field(pattern="^[0129]$", description="GB/T 2261.1")] = None
    documents: Annotated[list[NewDocument], Field(max_length=10, default_factory=list)]
    contact_points: Annotated[list[NewContactPoint], Field(max_length=20, default_factory=list)]
    source_reference: NewSourceReference | None = None


class NewBatch(Body):
    customers: Annotated[list[NewCustomer], Field(min_length=1, max_length=MOST_AT_ONCE)]


class DocumentSearch(Body):
    type: DocumentType
    number: Identifier


class LastFourSearch(Body):
    kind: IdentifierKind
    last_four: Annotated[str, Field(pattern="^[0-9A-Za-z]{4}$")]


class NewHome(Body):
    home_unit_id: UUID


class NewLogin(Body):
    issuer: Identifier
    subject: Identifier


class NewConsent(Body):
    """To one partner, which may see the customer's own documents then; or to the bank's marketing over one channel."""

    purpose: Purpose
    party: Annotated[Word, Field(description="The partner's code; for marketing the bank itself.")] = BANK
    channel: Annotated[MarketingChannel | None, Field(description="For marketing alone.")] = None
    text_version: Annotated[Word, Field(description="Which words the customer agreed to.")]


class DocumentView(BaseModel):
    id: UUID
    type: DocumentType
    number: Masked
    valid_to: date | None


class ContactPointView(BaseModel):
    id: UUID
    kind: ContactKind
    value: Masked


class CustomerRow(View):
    """A customer in a list."""

    kind: Kind
    name: str
    status: Status
    home_unit_id: UUID | None
    grade: str | None

    @property
    def concerns(self) -> tuple[UUID, ...]:
        return (self.id,)

    @classmethod
    def of(cls, row: Any) -> Self:
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class CustomerView(CustomerRow):
    birth_date: date | None
    gender: str | None
    registered_at: datetime
    documents: list[DocumentView]
    contact_points: list[ContactPointView]

    @classmethod
    def of(cls, row: Customer) -> Self:
        documents = [
            DocumentView(id=d.id, type=d.type, number=d.number.masked, valid_to=d.valid_to) for d in row.documents
        ]
        points = [ContactPointView(id=p.id, kind=p.kind, value=p.value.masked) for p in row.contact_points]
        plain = {n: getattr(row, n) for n in cls.model_fields if n not in ("documents", "contact_points")}
        return cls(**plain, documents=documents, contact_points=points)


class BatchView(View):
    """Customers who were registered together, in the order in which they were asked for; those within reach."""

    version: int = 1
    customers: list[CustomerView]

    @property
    def concerns(self) -> tuple[UUID, ...]:
        return tuple(customer.id for customer in self.customers)

    @classmethod
    def of(cls, batch_id: UUID, customers: Iterable[Customer]) -> Self:
        return cls(id=batch_id, customers=[CustomerView.of(customer) for customer in customers])


class OwnContactData(View):
    """What a customer sees of how the bank reaches them."""

    contact_points: list[ContactPointView]

    @property
    def concerns(self) -> tuple[UUID, ...]:
        return (self.id,)

    @classmethod
    def of(cls, customer: Customer) -> Self:
        points = [ContactPointView(id=p.id, kind=p.kind, value=p.value.masked) for p in customer.contact_points]
        return cls(id=customer.id, version=customer.version, contact_points=points)


class ConsentView(View):
    purpose: Purpose
    party: str
    channel: MarketingChannel | None
    text_version: str
    granted_at: datetime
    withdrawn_at: datetime | None

    @classmethod
    def of(cls, consent: Consent | Any) -> Self:
        view = cls(**{name: getattr(consent, name) for name in cls.model_fields})
        view._concerns = (consent.customer_id,)
        return view


class NewAccount(Body):
    customer_id: UUID
    kind: HoldingKind
    product: ProductCode
    currency: Currency = "CNY"
    number: Identifier | None = None
    balance: Money | None = None


class ClosedAccount(Body):
    closed_on: date


class AccountView(View):
    origin: Origin
    kind: HoldingKind
    product: str
    currency: str
    number: Masked | None
    status: AccountStatus
    balance: Decimal | None
    limit: Decimal | None
    opened_on: date | None
    closed_on: date | None
    maturity_on: date | None
    as_of: datetime

    @classmethod
    def of(cls, account: Account | Any) -> Self:
        """From an aggregate or from a row of the list."""
        plain = {name: getattr(account, name) for name in cls.model_fields if name != "number"}
        if isinstance(account, Account):
            number = account.number.masked if account.number else None
        else:
            number = account.number_masked
        view = cls(**plain, number=number)
        view._concerns = tuple(account.holder_ids)
        view._in_part = not (isinstance(account, Account) or account.is_owned)
        return view


class NewReveal(Body):
    customer_id: UUID
    kind: IdentifierKind
    thing_id: Annotated[UUID, Field(description="The document, contact point or account whose number or value it is.")]


class RevealView(View):
    """`value` is the identifier in clear, null once the reveal has expired."""

    fleeting = True
    customer_id: UUID
    kind: IdentifierKind
    thing_id: UUID
    revealed_at: datetime
    expires_at: datetime
    value: str | None

    @classmethod
    def of(cls, reveal: Reveal, value: str | None) -> Self:
        plain = {name: getattr(reveal, name) for name in cls.model_fields if name != "value"}
        return cls(**plain, value=value)


class NewRelation(Body):
    customer_id: UUID
    related_id: UUID
    kind: Annotated[RelationKind, Field(description="What the related one is to the customer.")]


class RelationView(PlainView):
    customer_id: UUID
    related_id: UUID
    kind: RelationKind
    added_at: datetime
    ended_at: datetime | None


class InteractionView(PlainView):
    """One event as one customer's: `id` is the event's, `version` its place among those of its `subject`.

    `facts` are what the event said besides.
    """

    customer_id: UUID
    service: str
    type: str
    subject: UUID
    occurred_at: datetime
    facts: dict[str, Any]
