"""A customer: a person or an organisation, with what proves who they are and how to reach them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from libs.common.clock import day_of
from libs.common.domain import Aggregate, Conflict, InvalidValue, NotFound
from libs.common.logins import SignsIn
from libs.contracts.customer import (
    CustomerActivated,
    CustomerGradeDowngraded,
    CustomerGradeUpgraded,
    CustomerGradeWatched,
    CustomerRegistered,
    CustomerUpdated,
)
from services.customer.domain.grading import Ladder
from services.customer.domain.identity_documents import DocumentType
from services.customer.domain.names import fold, grams
from services.customer.domain.sealed import SealedIdentifier

MOST_DOCUMENTS, MOST_CONTACT_POINTS = 50, 50
"""Per customer; all of them stand in the section."""
GENDER_UNTOLD = ("0", "9")
"""GB/T 2261.1: unknown, unstated."""


class Kind(StrEnum):
    PERSON = "person"
    ORGANISATION = "organisation"


class Status(StrEnum):
    PROSPECT = "prospect"
    ACTIVE = "active"


class ContactKind(StrEnum):
    PHONE = "phone"
    EMAIL = "email"
    ADDRESS = "address"


@dataclass(kw_only=True, eq=False)
class IdentityDocument:
    id: UUID
    customer_id: UUID
    type: DocumentType
    number: SealedIdentifier
    valid_from: date | None = None
    valid_to: date | None = None

    def valid_on(self, day: date) -> bool:
        """A document without an end date is valid for ever (长期)."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


@dataclass(kw_only=True, eq=False)
class ContactPoint:
    id: UUID
    customer_id: UUID
    kind: ContactKind
    value: SealedIdentifier


@dataclass(kw_only=True, eq=False)
class Customer(SignsIn, Aggregate):
    kind: Kind
    name: str
    registered_at: datetime
    status: Status = Status.PROSPECT
    home_unit_id: UUID | None = None
    birth_date: date | None = None
    gender: str | None = None
    grade: str | None = None
    months_below: int = 0
    name_folded: str = ""
    name_grams: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    documents: list[IdentityDocument] = field(default_factory=list)
    contact_points: list[ContactPoint] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.name_folded = fold(self.name)
        self.name_grams = grams(self.name_folded)

    def learn(self, birth_date: date, gender: str) -> None:
        """Take over what a resident ID number tells; what was said before must agree with it."""
        if self.birth_date not in (None, birth_date):
            raise InvalidValue("birth_date", "It contradicts the resident ID number.")
        if self.gender not in (None, gender, *GENDER_UNTOLD):
            raise InvalidValue("gender", "It contradicts the resident ID number.")
        self.birth_date, self.gender = birth_date, gender

    def register(self) -> None:
        """Become known; a document that is valid today makes an active customer of a prospect."""
        if any(document.valid_on(day_of(self.registered_at)) for document in self.documents):
            self.status = Status.ACTIVE
        self.record(
            CustomerRegistered(
                occurred_at=self.registered_at,
                customer_id=self.id,
                kind=self.kind.value,
                status=self.status,
                home_unit_id=self.home_unit_id,
            )
        )

    def identify(self, document: IdentityDocument, *, at: datetime) -> None:
        """Add an identity document; the first valid one activates."""
        if len(self.documents) >= MOST_DOCUMENTS:
            raise Conflict(f"A customer has at most {MOST_DOCUMENTS} documents.")
        self.documents.append(document)
        self._updated("documents", at=at)
        if self.status is Status.PROSPECT and document.valid_on(day_of(at)):
            self.status = Status.ACTIVE
            self.record(CustomerActivated(occurred_at=at, customer_id=self.id))

    def add_contact_point(self, contact_point: ContactPoint, indexes: Collection[bytes], *, at: datetime) -> None:
        """`indexes` are all by which the same one may be known already."""
        if any(known.value.index in indexes for known in self.contact_points):
            raise Conflict("This contact point is known already.")
        if len(self.contact_points) >= MOST_CONTACT_POINTS:
            raise Conflict(f"A customer has at most {MOST_CONTACT_POINTS} contact points.")
        self.contact_points.append(contact_point)
        self._updated("contact_points", at=at)

    def remove_contact_point(self, contact_point_id: UUID, *, at: datetime) -> None:
        kept = [point for point in self.contact_points if point.id != contact_point_id]
        if len(kept) == len(self.contact_points):
            raise NotFound.thing("contact point")
        self.contact_points[:] = kept
        self._updated("contact_points", at=at)

    def move_home(self, unit_id: UUID, *, at: datetime) -> None:
        """Bank with another unit from now on."""
        self.home_unit_id = unit_id
        self._updated("home_unit", at=at)

    def review_grade(self, ladder: Ladder, assets: Decimal, *, at: datetime) -> None:
        """Once a month, by the average of the whole month before: up at once, down after months in a row below.

        Whoever has no grade gets their first.
        """
        reached = ladder.grade_of(assets)
        told: dict[str, Any] = {"occurred_at": at, "customer_id": self.id, "assets": assets}
        if self.grade is None or ladder.height(reached) > ladder.height(self.grade):
            former, self.grade, self.months_below = self.grade, reached, 0
            self.record(CustomerGradeUpgraded(**told, grade=reached, former=former))
        elif reached == self.grade:
            self.months_below = 0
        else:
            self._fall_short(ladder, reached, told)

    def _fall_short(self, ladder: Ladder, reached: str, told: dict[str, Any]) -> None:
        former = str(self.grade)
        self.months_below += 1
        if (left := ladder.grace_months(former) - self.months_below) > 0:
            self.record(CustomerGradeWatched(**told, grade=former, months_left=left))
            return
        self.grade, self.months_below = reached, 0
        self.record(CustomerGradeDowngraded(**told, grade=reached, former=former))

    def _updated(self, what: str, *, at: datetime) -> None:
        self.record(
            CustomerUpdated(occurred_at=at, customer_id=self.id, changed=[what], home_unit_id=self.home_unit_id)
        )
