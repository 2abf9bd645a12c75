"""A holding of any kind: an account, a card, a loan, a standing order. The core states it, or Guanxi opens it."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from libs.common.clock import day_of
from libs.common.domain import Aggregate, Conflict, InvalidValue, MoveNotAllowed
from libs.contracts.customer import (
    AccountClosed,
    AccountOpened,
    AccountStatus,
    AccountUpdated,
    HolderRole,
    HoldingKind,
)
from services.customer.domain.sealed import SealedIdentifier

ACCOUNT = "account"
"""The kind of identifier that an account's number is."""
OWNERS = ("owner", "co_owner")
"""Who counts a balance as theirs, and may close the account."""


class Origin(StrEnum):
    CORE = "core"
    GUANXI = "guanxi"


@dataclass(kw_only=True, eq=False)
class AccountHolder:
    account_id: UUID
    customer_id: UUID
    role: HolderRole


@dataclass(frozen=True, kw_only=True)
class Statement:
    """An account as its keeper has it now. Money in `currency`; `rate` a year; what is unknown is None."""

    kind: HoldingKind
    product: str
    currency: str
    unit_code: str | None
    opened_on: date | None
    closed_on: date | None
    status: AccountStatus
    limit: Decimal | None
    rate: Decimal | None
    maturity_on: date | None
    balance: Decimal | None
    overdue_days: int | None
    sequence: int
    as_of: datetime


@dataclass(kw_only=True, eq=False)
class Account(Aggregate):
    origin: Origin
    source: str
    number: SealedIdentifier | None
    kind: HoldingKind
    product: str
    currency: str
    unit_code: str | None = None
    opened_on: date | None = None
    closed_on: date | None = None
    status: AccountStatus = "open"
    limit: Decimal | None = None
    rate: Decimal | None = None
    maturity_on: date | None = None
    balance: Decimal | None = None
    overdue_days: int | None = None
    sequence: int = 0
    as_of: datetime
    main_holder_id: UUID
    holders: list[AccountHolder] = field(default_factory=list)

    def open(self, *, at: datetime) -> None:
        """Become known. The core may state an account that is closed already: then that is told as well."""
        self.record(
            AccountOpened(
                occurred_at=at,
                account_id=self.id,
                customer_id=self.main_holder_id,
                holder_ids=self.holder_ids,
                kind=self.kind,
                product=self.product,
                currency=self.currency,
                opened_on=self.opened_on,
                balance=self.balance,
            )
        )
        if self.status == "closed":
            self._closed(self.holder_ids, at=at)

    def restate(
        self, statement: Statement, main_holder_id: UUID, holders: dict[UUID, HolderRole], *, at: datetime
    ) -> None:
        """Take over what the core states now, unless it is older than what is known."""
        if statement.sequence <= self.sequence:
            return
        was_open, before = self.status == "open", self.holder_ids
        for name in Statement.__dataclass_fields__:
            setattr(self, name, getattr(statement, name))
        self.main_holder_id = main_holder_id
        self.holders[:] = [AccountHolder(account_id=self.id, customer_id=c, role=r) for c, r in sorted(holders.items())]
        everybody = sorted({*before, *self.holder_ids})
        if was_open and self.status == "closed":
            self._closed(everybody, at=at)
            return
        self.record(
            AccountUpdated(
                occurred_at=at,
                account_id=self.id,
                customer_id=self.main_holder_id,
                holder_ids=everybody,
                balance=self.balance,
            )
        )

    def close(self, on: date, *, at: datetime) -> None:
        """Close an account that Guanxi opened; the core closes its own."""
        if self.origin is Origin.CORE:
            raise Conflict("The core banking system keeps this account; close it there.")
        if self.status == "closed":
            raise MoveNotAllowed("close", "closed", [])
        if not (self.opened_on or on) <= on <= day_of(at):
            raise InvalidValue("closed_on", "An account closes on a day from its opening to today.")
        self.status, self.closed_on = "closed", on
        self._closed(self.holder_ids, at=at)

    @property
    def stands(self) -> tuple[date, Decimal | None]:
        """From which day on which balance stands; nothing from the day of its close on."""
        if self.status == "closed":
            return self.closed_on or day_of(self.as_of), Decimal(0)
        return day_of(self.as_of), self.balance

    @property
    def owner_ids(self) -> list[UUID]:
        """Owners and co-owners."""
        return [holder.customer_id for holder in self.holders if holder.role in OWNERS]

    def _closed(self, holder_ids: list[UUID], *, at: datetime) -> None:
        self.record(
            AccountClosed(
                occurred_at=at,
                account_id=self.id,
                customer_id=self.main_holder_id,
                holder_ids=holder_ids,
                closed_on=self.closed_on,
            )
        )

    @property
    def holder_ids(self) -> list[UUID]:
        return sorted(holder.customer_id for holder in self.holders)
