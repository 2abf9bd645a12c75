"""What the customer service hears, each handed to a use case as plain values."""

from libs.common.clock import Clock
from libs.common.consumer import Subscription
from libs.common.database import UnitOfWork
from libs.common.domain import DomainEvent
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
from services.customer.use_cases.accounts import state_account
from services.customer.use_cases.booking import book_transaction
from services.customer.use_cases.remembering import remember


async def on_account_stated(uow: UnitOfWork, core: CoreAccount) -> None:
    statement = Statement(**{name: getattr(core, name) for name in Statement.__dataclass_fields__})
    holders = [(holder.customer_ref, holder.role) for holder in core.holders]
    account = {"source": core.source, "account_ref": core.account_ref}
    await state_account(uow, **account, holders=holders, statement=statement, now=Clock().now())


async def on_transaction_booked(uow: UnitOfWork, core: CoreTransaction) -> None:
    transaction = Transaction(**{name: getattr(core, name) for name in Transaction.__dataclass_fields__})
    await book_transaction(uow, transaction, core.account_ref, now=Clock().now())


async def on_anything(uow: UnitOfWork, event: DomainEvent) -> None:
    """Of any service, this one too: what concerns customers is remembered."""
    await remember(
        uow,
        event.customers(),
        type_=event.type,
        subject=event.subject,
        occurred_at=event.occurred_at,
        facts=adapter(type(event)).dump_python(event, mode="json"),
    )


SUBSCRIPTION = Subscription(
    topics=(ACCOUNTS.name, TRANSACTIONS.name, *(topic.name for topic in EVENTS)),
    types={
        **{event.type: (event, on_anything) for events in EVENTS.values() for event in events},
        ACCOUNT_STATED: (CoreAccount, on_account_stated),
        TRANSACTION_BOOKED: (CoreTransaction, on_transaction_booked),
    },
    free_of_order={event.type for events in EVENTS.values() for event in events},
    plain={ACCOUNTS.name: ACCOUNT_STATED, TRANSACTIONS.name: TRANSACTION_BOOKED},
)
