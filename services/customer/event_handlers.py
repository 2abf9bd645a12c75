"""What the customer service hears, each handed to a use case as plain values."""

from libs.common.consumer import Subscription
from libs.common.database import UnitOfWork
from libs.contracts.core import ACCOUNT_STATED, ACCOUNTS, CoreAccount
from services.customer.domain.account import Statement
from services.customer.use_cases.accounts import state_account


async def on_account_stated(uow: UnitOfWork, core: CoreAccount) -> None:
    statement = Statement(**{name: getattr(core, name) for name in Statement.__dataclass_fields__})
    holders = [(holder.customer_ref, holder.role) for holder in core.holders]
    await state_account(uow, source=core.source, account_ref=core.account_ref, holders=holders, statement=statement)


SUBSCRIPTION = Subscription(
    topics=(ACCOUNTS.name,),
    types={ACCOUNT_STATED: (CoreAccount, on_account_stated)},
    plain={ACCOUNTS.name: ACCOUNT_STATED},
)
