"""A customer's points: earned in lots, spent from the lot that expires first, and what each lot went through."""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from libs.common.domain import Aggregate, Conflict
from libs.common.ids import new_id
from libs.contracts.marketing import PointsEarned, PointsExpired, PointsSpent


class Movement(StrEnum):
    EARN = "earn"
    SPEND = "spend"
    EXPIRE = "expire"


@dataclass(frozen=True, kw_only=True)
class EarningRule:
    """For what a customer earns how many points, and for how many months they last."""

    code: str
    points: int
    months: int


@dataclass(kw_only=True, eq=False)
class Lot:
    """Points that were earned together. `source_id` is what they were earned by: it earns once under a rule."""

    id: UUID
    points_account_id: UUID
    rule: str
    source_id: UUID
    points: int
    remaining: int
    expires_on: date


@dataclass(kw_only=True, eq=False)
class Entry:
    """A line of the ledger: what one movement did to one lot, and the balance after it. It is never changed."""

    id: UUID
    points_account_id: UUID
    sequence: int
    movement: Movement
    lot_id: UUID
    points: int
    balance: int
    purpose: str | None
    at: datetime


@dataclass(kw_only=True, eq=False)
class PointsAccount(Aggregate):
    """One for a customer. The balance is what the lots have left; the ledger says how it came about."""

    customer_id: UUID
    balance: int = 0

    def earn(self, rule: EarningRule, source_id: UUID, *, today: date, at: datetime) -> tuple[Lot, Entry]:
        """By a rule, for what `source_id` names."""
        expires_on = end_of_month_after(today, rule.months)
        lot = Lot(
            id=new_id(),
            points_account_id=self.id,
            rule=rule.code,
            source_id=source_id,
            points=rule.points,
            remaining=0,
            expires_on=expires_on,
        )
        entry = self._enter(Movement.EARN, lot, rule.points, at)
        self.record(PointsEarned(**self._moved(rule.points, at), rule=rule.code, expires_on=expires_on))
        return lot, entry

    def spend(self, points: int, lots: Iterable[Lot], *, purpose: str, at: datetime) -> list[Entry]:
        """From `lots`, which are those that have something left.

        Raises:
            Conflict: there are not so many.
        """
        if points > self.balance:
            raise Conflict(f"There are {self.balance} points to spend, and not {points}.")
        entries, left = [], points
        for lot in sorted(lots, key=lambda lot: (lot.expires_on, lot.id)):
            if taken := min(left, lot.remaining):
                entries.append(self._enter(Movement.SPEND, lot, -taken, at, purpose))
            left -= taken
        self.record(PointsSpent(**self._moved(points, at)))
        return entries

    def expire(self, lots: Iterable[Lot], *, today: date, at: datetime) -> list[Entry]:
        """Take away what is left of lots whose last day is over."""
        over = [lot for lot in lots if lot.remaining and lot.expires_on < today]
        entries = [self._enter(Movement.EXPIRE, lot, -lot.remaining, at) for lot in over]
        if entries:
            self.record(PointsExpired(**self._moved(-sum(entry.points for entry in entries), at)))
        return entries

    def _enter(self, movement: Movement, lot: Lot, points: int, at: datetime, purpose: str | None = None) -> Entry:
        lot.remaining += points
        self.balance += points
        return Entry(
            id=new_id(),
            points_account_id=self.id,
            sequence=self.version + 1,
            movement=movement,
            lot_id=lot.id,
            points=points,
            balance=self.balance,
            purpose=purpose,
            at=at,
        )

    def _moved(self, points: int, at: datetime) -> dict[str, Any]:
        return {
            "occurred_at": at,
            "points_account_id": self.id,
            "customer_id": self.customer_id,
            "points": points,
            "balance": self.balance,
        }


def end_of_month_after(day: date, months: int) -> date:
    """The last day of the month so many months later: points of one month expire together."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, monthrange(year, month + 1)[1])
