"""What the customer service hears, each handed to a use case as plain values."""

from collections.abc import Sequence

from libs.common.clock import Clock
from libs.common.database import Heard, UnitOfWork
from libs.common.domain import DomainEvent
from libs.common.hearing import Subscription, Told
from libs.common.outbox import adapter
from libs.contracts.catalogue import EVENTS
from libs.contracts.core import (
    ACCOUNT_STATED,
    ACCOUNTS,
    TRANSACTION_BOOKED,
    TRANSACTIONS,
    CoreAccount,
    CoreTransaction,
)
from services.customer.domain.account import Statement
from services.customer.domain.transaction import Transaction
from services.customer.use_cases.accounts import Stated, state_accounts
from services.customer.use_cases.booking import book_transactions
from services.customer.use_cases.remembering import Happened, remember


async def on_accounts_stated(uow: UnitOfWork, told: Sequence[Told]) -> None:
    await state_accounts(uow, [_stated(core) for core, _ in told], now=Clock().now())


def _stated(core: CoreAccount) -> Stated:
    statement = Statement(**{name: getattr(core, name) for name in Statement.__dataclass_fields__})
    holders = [(holder.customer_ref, holder.role) for holder in core.holders]
    return Stated(core.source, core.account_ref, holders, statement)


async def on_transactions_booked(uow: UnitOfWork, told: Sequence[Told]) -> None:
    bookings = [
        (Transaction(**{name: getattr(core, name) for name in Transaction.__dataclass_fields__}), core.account_ref)
        for core, _ in told
    ]
    await book_transactions(uow, bookings, now=Clock().now())


async def on_anything(uow: UnitOfWork, told: Sequence[Told]) -> None:
    """Of any service, this one too: what concerns customers is remembered."""
    await remember(uow, [_happened(event, heard) for event, heard in told])


def _happened(event: DomainEvent, heard: Heard | None) -> Happened:
    if heard is None:
        raise RuntimeError("only an event that has an id is remembered")
    facts = adapter(type(event)).dump_python(event, mode="json")
    return Happened(heard, list(event.customers()), event.type, event.subject, event.occurred_at, facts)


SUBSCRIPTION = Subscription(
    topics=(ACCOUNTS.name, TRANSACTIONS.name, *(topic.name for topic in EVENTS)),
    types={
        **{event.type: (event, on_anything) for events in EVENTS.values() for event in events},
        ACCOUNT_STATED: (CoreAccount, on_accounts_stated),
        TRANSACTION_BOOKED: (CoreTransaction, on_transactions_booked),
    },
    free_of_order={event.type for events in EVENTS.values() for event in events},
    together={on_accounts_stated, on_transactions_booked, on_anything},
    plain={ACCOUNTS.name: ACCOUNT_STATED, TRANSACTIONS.name: TRANSACTION_BOOKED},
)
