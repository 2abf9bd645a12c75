"""Transactions, within the unit of work's scope."""

from uuid import UUID

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.dialects.postgresql import insert

from libs.common.database import UnitOfWork
from services.customer.domain.sealed import SealedIdentifier
from services.customer.domain.transaction import Transaction
from services.customer.storage.flow_tables import transactions
from services.customer.storage.tables import account_holders, accounts

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

    def _reached(self, account_id: ColumnElement[UUID]) -> ColumnElement[bool]:
        h = account_holders.c
        return exists().where(h.account_id == account_id, self._uow.scope.customers(h.customer_id))
