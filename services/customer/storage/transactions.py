"""Transactions and the flows of each day that they are counted into, within the unit of work's scope."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert

from libs.common.database import UnitOfWork
from services.customer.domain.sealed import SealedIdentifier
from services.customer.domain.transaction import Flow, Transaction
from services.customer.storage.flow_tables import daily_balances, daily_flows, transactions
from services.customer.storage.tables import account_holders, accounts

NOTHING = Flow(Decimal(0), Decimal(0), 0, 0)
FACTS = tuple(Transaction.__dataclass_fields__)


class TransactionRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def add(
        self, row: UUID, transaction: Transaction, account_id: UUID | None, number: SealedIdentifier | None
    ) -> bool:
        """False for one that is recorded already. Without an account it waits, by the account's number."""
        facts = {name: getattr(transaction, name) for name in FACTS}
        waits = {
            "account_number_sealed": number.value if number else None,
            "account_number_index": number.index if number else None,
            "account_number_masked": number.masked if number else None,
        }
        new = insert(transactions).values(id=row, account_id=account_id, **facts, **waits)
        done = await self._uow.session.execute(new.on_conflict_do_nothing().returning(transactions.c.id))
        return done.first() is not None

    async def place_waiting(self, limit: int) -> list[tuple[UUID, Transaction]]:
        """Give those that wait to their accounts, which are known by now; returns them with the accounts' ids."""
        t, a = transactions.c, accounts.c
        theirs = (a.source == t.source) & (a.number_index == t.account_number_index)
        waiting = select(t.id, a.id.label("account_id")).join(accounts, theirs).where(t.account_id.is_(None))
        found = waiting.where(self._reached(a.id)).limit(limit).with_for_update(of=transactions, skip_locked=True)
        placed = found.cte("placed")
        rows = await self._uow.session.execute(
            update(transactions)
            .where(t.id == placed.c.id)
            .values(
                account_id=placed.c.account_id,
                account_number_sealed=None,
                account_number_index=None,
                account_number_masked=None,
                account_number_last_index=None,
            )
            .returning(t.account_id, *[t[name] for name in FACTS])
        )
        return [(row.account_id, Transaction(**{name: getattr(row, name) for name in FACTS})) for row in rows]

    async def count(self, booked: Iterable[tuple[UUID, Transaction]]) -> None:
        """Count bookings into their accounts' days, the rows in one order for everybody."""
        totals: dict[tuple[UUID, date, str], Flow] = {}
        for account_id, each in booked:
            key = account_id, each.booked_on, each.currency
            totals[key] = Flow(*[sum(pair) for pair in zip(totals.get(key, NOTHING), each.flow, strict=True)])  # type: ignore[arg-type] # of equal kinds
        rows = [
            {"account_id": account_id, "day": day, "currency": currency, **flow._asdict()}
            for (account_id, day, currency), flow in sorted(totals.items(), key=lambda item: item[0])
        ]
        new, held = insert(daily_flows).values(rows), daily_flows.c
        more = {name: held[name] + new.excluded[name] for name in Flow._fields}
        key_columns = [held.account_id, held.day, held.currency]
        await self._uow.session.execute(new.on_conflict_do_update(index_elements=key_columns, set_=more))

    def _reached(self, account_id: ColumnElement[UUID]) -> ColumnElement[bool]:
        h = account_holders.c
        return exists().where(h.account_id == account_id, self._uow.scope.customers(h.customer_id))


class BalanceRepository:
    """What stood on an account at the end of a day; between two of them nothing changed."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def add(self, account_id: UUID, day: date, balance: Decimal) -> None:
        """The latest of a day counts, and what was said of later days is void."""
        await self._uow.session.flush()
        b = daily_balances.c
        await self._uow.session.execute(delete(daily_balances).where(b.account_id == account_id, b.day > day))
        new = insert(daily_balances).values(account_id=account_id, day=day, balance=balance)
        latest = {"balance": new.excluded.balance}
        await self._uow.session.execute(new.on_conflict_do_update(index_elements=[b.account_id, b.day], set_=latest))
