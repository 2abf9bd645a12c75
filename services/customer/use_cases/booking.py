from datetime import datetime
from uuid import UUID

from libs.common.database import UnitOfWork
from libs.common.ids import new_id
from services.customer.domain.account import ACCOUNT
from services.customer.domain.transaction import Transaction
from services.customer.storage.days import Days
from services.customer.storage.holdings import HoldingsRepository
from services.customer.storage.repository import AccountRepository
from services.customer.storage.transactions import TransactionRepository
from services.customer.use_cases.sealing import seal_account_number

AT_ONCE = 500


async def book_transaction(uow: UnitOfWork, transaction: Transaction, account_ref: str, *, now: datetime) -> None:
    """Record a booking, once. On an account that the core has not stated yet, it waits for the account."""
    indexes = uow.sealer.indexes(ACCOUNT, account_ref)
    account_id = await AccountRepository(uow).id_by_number(transaction.source, indexes)
    row = new_id()
    place = "transactions.account_number"
    number = None if account_id else seal_account_number(uow.sealer, account_ref, row=row, place=place)
    is_new = await TransactionRepository(uow).add(row, transaction, account_id, number)
    if account_id and is_new:
        _count(uow, [(account_id, transaction)], now=now)


async def place_waiting_transactions(uow: UnitOfWork, now: datetime) -> int:
    """Book what waited for accounts that are known by now; returns how many."""
    placed = await TransactionRepository(uow).place_waiting(AT_ONCE)
    if placed:
        _count(uow, placed, now=now)
    return len(placed)


def _count(uow: UnitOfWork, booked: list[tuple[UUID, Transaction]], *, now: datetime) -> None:
    for account_id, transaction in booked:
        Days.of(uow).count(account_id, transaction)
    HoldingsRepository(uow).changed({account_id for account_id, _ in booked}, now=now)
