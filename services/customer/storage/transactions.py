"""Transactions, within the unit of work's scope."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select, update

from libs.common.database import UnitOfWork
from libs.common.driver import Statement
from services.customer.domain.sealed import SealedIdentifier
from services.customer.domain.transaction import Transaction
from services.customer.storage.flow_tables import transactions
from services.customer.storage.tables import account_holders, accounts

FACTS = tuple(Transaction.__dataclass_fields__)
WAITS = ("account_number_sealed", "account_number_index", "account_number_masked")
COLUMNS = ("id", "account_id", *WAITS, *FACTS)
TYPES = {"id": "uuid", "account_id": "uuid", "amount": "numeric", "booked_at": "timestamptz"}
TYPES |= dict.fromkeys(("account_number_sealed", "account_number_index"), "bytea")
RECORDED = f"""
    INSERT INTO transactions ({", ".join(COLUMNS)})
    SELECT * FROM unnest({", ".join(f"${n}::{TYPES.get(name, 'text')}[]" for n, name in enumerate(COLUMNS, start=1))})
    ON CONFLICT DO NOTHING RETURNING id
"""  # noqa: S608 - the only things put in are constants
RECORD = Statement(RECORDED, COLUMNS, {})


class Booking(NamedTuple):
    """A transaction on the account that the core numbers so; `account_id` is None where it was not stated yet."""

    id: UUID
    transaction: Transaction
    account_ref: str
    account_id: UUID | None


class TransactionRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def add(self, bookings: Sequence[tuple[Booking, SealedIdentifier | None]]) -> list[Booking]:
        """Returns those that were not recorded yet. Without an account they wait, by the account's number."""
        rows = [
            (one.id, one.account_id, *_stored(number), *(getattr(one.transaction, name) for name in FACTS))
            for one, number in bookings
        ]
        columns = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))
        new = {row["id"] for row in await self._uow.fetch(RECORD, **columns)}
        return [one for one, _ in bookings if one.id in new]

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

    def _reached(self, account_id: ColumnElement[UUID]) -> ColumnElement[bool]:
        h = account_holders.c
        return exists().where(h.account_id == account_id, self._uow.scope.customers(h.customer_id))


def _stored(number: SealedIdentifier | None) -> tuple[bytes | None, bytes | None, str | None]:
    return (number.value, number.index, number.masked) if number else (None, None, None)
