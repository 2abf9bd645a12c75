"""What the Berka bank's files hold, as far as the import has use for it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property


@dataclass(frozen=True)
class District:
    district_id: int
    name: str


@dataclass(frozen=True)
class BankClient:
    """`sex` is F or M."""

    client_id: int
    birth_date: date
    sex: str


@dataclass(frozen=True)
class BankAccount:
    """`district_id` is that of its branch, which need not be where its owner lives."""

    account_id: int
    district_id: int
    opened_on: date


@dataclass(frozen=True)
class Disposition:
    """Who may do what with an account: `right` is O for its one owner, D for a disponent."""

    disp_id: int
    client_id: int
    account_id: int
    right: str


@dataclass(frozen=True)
class Card:
    """`kind` is C classic, J junior or G gold."""

    card_id: int
    disp_id: int
    kind: str
    issued_on: date


@dataclass(frozen=True)
class Order:
    """A standing order; `purpose` is HH, LO, IN, LE or empty."""

    order_id: int
    account_id: int
    amount: Decimal
    purpose: str


@dataclass(frozen=True)
class Loan:
    """`status`: A ended and paid, B ended and not paid, C running well, D running in debt."""

    loan_id: int
    account_id: int
    granted_on: date
    amount: Decimal
    months: int
    status: str


@dataclass(frozen=True)
class BerkaFiles:
    """All of them, in memory: some thousand rows."""

    districts: list[District]
    clients: list[BankClient]
    accounts: list[BankAccount]
    dispositions: list[Disposition]
    cards: list[Card]
    orders: list[Order]
    loans: list[Loan]

    @cached_property
    def account_by_id(self) -> dict[int, BankAccount]:
        return {account.account_id: account for account in self.accounts}

    @cached_property
    def disposition_by_id(self) -> dict[int, Disposition]:
        return {disposition.disp_id: disposition for disposition in self.dispositions}

    @cached_property
    def dispositions_of(self) -> dict[int, list[Disposition]]:
        """By account, the owner first."""
        found: dict[int, list[Disposition]] = {}
        for disposition in sorted(self.dispositions, key=lambda d: (d.right != "O", d.disp_id)):
            found.setdefault(disposition.account_id, []).append(disposition)
        return found

    @cached_property
    def district_of(self) -> dict[int, int]:
        """By client: the district of the branch of their account."""
        return {d.client_id: self.account_by_id[d.account_id].district_id for d in self.dispositions}
