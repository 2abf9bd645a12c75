"""What one transaction says of accounts' days, stored at once before its commit: rows in one order for everybody."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from operator import add
from typing import Self
from uuid import UUID

from sqlalchemy.orm import Session

from libs.common.database import UnitOfWork
from libs.common.driver import within
from services.customer.domain.transaction import Flow, Transaction

NOTHING = Flow(Decimal(0), Decimal(0), 0, 0)

COUNT = """
    INSERT INTO daily_flows AS held (account_id, day, currency, inflow, outflow, bookings, initiated)
    SELECT * FROM unnest($1::uuid[], $2::date[], $3::text[], $4::numeric[], $5::numeric[], $6::int[], $7::int[])
    ON CONFLICT (account_id, day, currency) DO UPDATE SET
        inflow = held.inflow + excluded.inflow, outflow = held.outflow + excluded.outflow,
        bookings = held.bookings + excluded.bookings, initiated = held.initiated + excluded.initiated
"""
VOID = """
    DELETE FROM daily_balances AS b USING unnest($1::uuid[], $2::date[]) AS told (account_id, day)
    WHERE b.account_id = told.account_id AND b.day > told.day
"""
STAND = """
    INSERT INTO daily_balances (account_id, day, balance) SELECT * FROM unnest($1::uuid[], $2::date[], $3::numeric[])
    ON CONFLICT (account_id, day) DO UPDATE SET balance = excluded.balance
"""


class Days:
    """Flows that were booked, and balances: what stood at the end of a day, and between two of them nothing changed."""

    def __init__(self) -> None:
        self._flows: dict[tuple[UUID, date, str], Flow] = {}
        self._balances: dict[tuple[UUID, date], Decimal] = {}
        self._first: dict[UUID, date] = {}

    @classmethod
    def of(cls, uow: UnitOfWork) -> Self:
        days: Self | None = uow.session.info.get("days")
        if days is None:
            days = uow.session.info["days"] = cls()
            uow.before_marks(days.store)
        return days

    def count(self, account_id: UUID, transaction: Transaction) -> None:
        key = account_id, transaction.booked_on, transaction.currency
        self._flows[key] = Flow(*map(add, self._flows.get(key, NOTHING), transaction.flow))

    def stand(self, account_id: UUID, day: date, balance: Decimal) -> None:
        """The latest of a day counts, and what was said of later days is void."""
        for later in [key for key in self._balances if key[0] == account_id and key[1] > day]:
            del self._balances[later]
        self._balances[account_id, day] = balance
        self._first[account_id] = min(day, self._first.get(account_id, day))

    def store(self, session: Session) -> Iterable[tuple[str, UUID]]:
        """Makes no key dirty by itself."""
        if self._flows:
            within(session, COUNT, *zip(*[(*key, *flow) for key, flow in sorted(self._flows.items())], strict=True))
        if self._balances:
            within(session, VOID, *zip(*sorted(self._first.items()), strict=True))
            within(session, STAND, *zip(*[(*key, of) for key, of in sorted(self._balances.items())], strict=True))
        return ()
