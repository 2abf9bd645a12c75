"""What the bank's core banking system states: facts, in its own numbers. Guanxi only listens."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from libs.common.domain import InvalidValue
from libs.common.topics import Topic
from libs.contracts.customer import AccountStatus, HolderRole, HoldingKind

ACCOUNTS = Topic(name="core.accounts.v1")
ACCOUNT_STATED = "core.account.stated.v1"
TRANSACTIONS = Topic(name="core.transactions.v1")
TRANSACTION_BOOKED = "core.transaction.booked.v1"
"""Each topic holds one type; its records need no CloudEvents headers."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A party to an account, by the core's customer number."""

    customer_ref: str
    role: HolderRole


@dataclass(frozen=True, kw_only=True)
class CoreAccount:
    """An account as the core has it now. Keyed by the main holder's customer number; the newest `sequence` counts.

    Money in `currency`, as decimal strings; `rate` a year, as a fraction. What is unknown is null. `as_of` is refused
    without its offset.
    """

    source: str
    account_ref: str
    kind: HoldingKind
    product: str
    currency: str
    holders: list[Holder]
    unit_code: str | None
    opened_on: date | None
    closed_on: date | None = None
    status: AccountStatus
    limit: Decimal | None = None
    rate: Decimal | None = None
    maturity_on: date | None = None
    balance: Decimal | None = None
    overdue_days: int | None = None
    sequence: int
    as_of: datetime

    def __post_init__(self) -> None:
        _check_offset("as_of", self.as_of)


@dataclass(frozen=True, kw_only=True)
class CoreTransaction:
    """A booking on an account, keyed as the account is. Unique by (`source`, `transaction_ref`).

    `amount` is positive, in `currency`, as a decimal string. A reversal names in `reverses` the transaction that it
    takes back. `booked_at` is refused without its offset. What a customer begins at a branch's counter has the
    channel `branch`, what the bank takes for itself the category `fee`.
    """

    source: str
    transaction_ref: str
    account_ref: str
    direction: Literal["credit", "debit"]
    amount: Decimal
    currency: str
    booked_at: datetime
    channel: str | None
    category: str | None
    counterparty_bank: str | None
    initiated_by: Literal["customer", "bank"]
    reverses: str | None = None
    sequence: int

    def __post_init__(self) -> None:
        _check_offset("booked_at", self.booked_at)


def _check_offset(field: str, time: datetime) -> None:
    if time.tzinfo is None:
        raise InvalidValue(field, "A time needs its offset: without one it could be of any zone.")
