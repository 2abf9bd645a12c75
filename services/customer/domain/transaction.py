"""A booking on an account, as the core tells it. It is recorded as it is, and counted into the flows of its day."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from libs.common.clock import day_of
from libs.common.domain import InvalidValue

DECIMALS = 4
"""How finely money is kept."""
AT_A_BRANCH, FEE = "branch", "fee"
"""The channel of what is begun at a branch's counter, and the category of what the bank takes for itself; it names
its others as it likes."""


class Flow(NamedTuple):
    """What a booking adds to its day. Money in the booking's currency."""

    inflow: Decimal
    outflow: Decimal
    bookings: int
    initiated: int


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """Unique by (`source`, `transaction_ref`). `amount` is positive, in `currency`; `reverses` names what it undoes.

    Raises:
        InvalidValue: the amount is not positive, or finer than money is kept.
    """

    source: str
    transaction_ref: str
    direction: Literal["credit", "debit"]
    amount: Decimal
    currency: str
    booked_at: datetime
    channel: str | None
    category: str | None
    counterparty_bank: str | None
    initiated_by: Literal["customer", "bank"]
    reverses: str | None

    def __post_init__(self) -> None:
        if self.amount <= 0:
            raise InvalidValue("amount", "An amount is positive; its direction says the rest.")
        if self.amount != round(self.amount, DECIMALS):
            raise InvalidValue("amount", f"An amount has {DECIMALS} decimals at most.")

    @property
    def booked_on(self) -> date:
        return day_of(self.booked_at)

    @property
    def flow(self) -> Flow:
        """A reversal takes back, on its own day, what it reverses: a credit that undoes a debit is no income."""
        sign = -1 if self.reverses else 1
        flows_in = (self.direction == "credit") is (self.reverses is None)
        signed = sign * self.amount
        initiated = sign * (self.initiated_by == "customer")
        return Flow(signed if flows_in else Decimal(0), Decimal(0) if flows_in else signed, sign, initiated)
