from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from libs.common.database import UnitOfWork
from libs.common.ids import new_id
from libs.common.sealing import Sealer
from services.customer.domain.account import ACCOUNT
from services.customer.domain.sealed import SealedIdentifier
from services.customer.domain.transaction import Transaction
from services.customer.storage.days import Days
from services.customer.storage.holdings import HoldingsRepository
from services.customer.storage.repository import AccountRepository
from services.customer.storage.transactions import Booking, TransactionRepository
from services.customer.use_cases.sealing import seal_account_number

AT_ONCE = 500


async def book_transactions(uow: UnitOfWork, bookings: Sequence[tuple[Transaction, str]], *, now: datetime) -> None:
    """Record bookings, each on an account's number, once. On one that the core has not stated yet, they wait for it."""
    numbers = [(transaction.source, uow.sealer.indexes(ACCOUNT, ref)) for transaction, ref in bookings]
    account_ids = await AccountRepository(uow).ids_by_numbers(numbers)
    found = [Booking(new_id(), *booking, of) for booking, of in zip(bookings, account_ids, strict=True)]
    new = await TransactionRepository(uow).add([(booking, _waits(uow.sealer, booking)) for booking in found])
    _count(uow, [(booking.account_id, booking.transaction) for booking in new if booking.account_id], now=now)


def _waits(sealer: Sealer, booking: Booking) -> SealedIdentifier | None:
    """The account's number, by which a booking finds it later."""
    if booking.account_id:
        return None
    return seal_account_number(sealer, booking.account_ref, row=booking.id, place="transactions.account_number")


async def place_waiting_transactions(uow: UnitOfWork, now: datetime) -> int:
    """Book what waited for accounts that are known by now; returns how many."""
    placed = await TransactionRepository(uow).place_waiting(AT_ONCE)
    _count(uow, placed, now=now)
    return len(placed)


def _count(uow: UnitOfWork, booked: list[tuple[UUID, Transaction]], *, now: datetime) -> None:
    for account_id, transaction in booked:
        Days.of(uow).count(account_id, transaction)
    if booked:
        HoldingsRepository(uow).changed({account_id for account_id, _ in booked}, now=now)
