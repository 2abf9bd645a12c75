from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from libs.common.clock import day_of
from libs.common.database import UnitOfWork
from libs.common.domain import Conflict
from libs.common.ids import new_id
from libs.contracts.customer import HolderRole, HoldingKind
from libs.directory.reading import unit_by_code
from services.customer.domain.account import ACCOUNT, Account, AccountHolder, Origin, Statement
from services.customer.domain.customer import Customer, Kind, Status
from services.customer.storage.days import Days
from services.customer.storage.holdings import HoldingsRepository
from services.customer.storage.repository import AccountRepository, CustomerRepository, SourceReferenceRepository
from services.customer.use_cases.sealing import seal_account_number

OWN_SOURCE = "guanxi"


async def open_account(
    uow: UnitOfWork,
    customer_id: UUID,
    *,
    kind: HoldingKind,
    product: str,
    currency: str,
    number: str | None,
    balance: Decimal | None,
    at: datetime,
) -> Account:
    """Open an account for an active customer."""
    uow.about(customer_id)
    customer = await CustomerRepository(uow).get(customer_id)
    if customer.status is not Status.ACTIVE:
        raise Conflict("Only an active customer can open an account; a valid identity document activates.")
    account_id = new_id()
    sealed = seal_account_number(uow.sealer, number, row=account_id) if number else None
    if number and await AccountRepository(uow).number_is_known(OWN_SOURCE, uow.sealer.indexes(ACCOUNT, number)):
        raise Conflict("An account with this number is open already.")
    account = Account(
        id=account_id,
        origin=Origin.GUANXI,
        source=OWN_SOURCE,
        number=sealed,
        kind=kind,
        product=product,
        currency=currency,
        opened_on=day_of(at),
        balance=balance,
        as_of=at,
        main_holder_id=customer_id,
        holders=[AccountHolder(account_id=account_id, customer_id=customer_id, role="owner")],
    )
    account.open(at=at)
    AccountRepository(uow).add(account)
    _keep(uow, account, now=at)
    return account


async def close_account(uow: UnitOfWork, account_id: UUID, on: date, *, at: datetime) -> Account:
    account = await AccountRepository(uow).get_for_change(account_id)
    account.close(on, at=at)
    _keep(uow, account, now=at)
    return account


async def state_account(
    uow: UnitOfWork,
    *,
    source: str,
    account_ref: str,
    holders: list[tuple[str, HolderRole]],
    statement: Statement,
    now: datetime,
) -> None:
    """Take over what the core states of an account; a holder who is not yet known becomes a prospect."""
    account = await AccountRepository(uow).by_number(source, uow.sealer.indexes(ACCOUNT, account_ref))
    if account is not None and statement.sequence <= account.sequence:
        return
    ids = await _holder_ids(uow, source, [ref for ref, _ in holders], statement)
    roles = {ids[ref]: role for ref, role in reversed(holders)}
    before = account.owner_ids if account else []
    if account is not None:
        account.restate(statement, ids[holders[0][0]], roles, at=statement.as_of)
    else:
        account = _stated(uow, source, account_ref, ids[holders[0][0]], roles, statement)
        AccountRepository(uow).add(account)
    _keep(uow, account, now=now, before=before)


def _keep(uow: UnitOfWork, account: Account, *, now: datetime, before: Sequence[UUID] = ()) -> None:
    """Remember what stands on an account from its day on, and let its owners' holdings be told anew.

    `before` are its owners until now: those who are so no more hold less.
    """
    day, balance = account.stands
    if balance is not None:
        Days.of(uow).stand(account.id, day, balance)
    HoldingsRepository(uow).changed([account.id], now=now, before=before)


def _stated(
    uow: UnitOfWork, source: str, account_ref: str, main: UUID, roles: dict[UUID, HolderRole], statement: Statement
) -> Account:
    account_id = new_id()
    account = Account(
        id=account_id,
        origin=Origin.CORE,
        source=source,
        number=seal_account_number(uow.sealer, account_ref, row=account_id),
        main_holder_id=main,
        holders=[AccountHolder(account_id=account_id, customer_id=c, role=r) for c, r in sorted(roles.items())],
        **{name: getattr(statement, name) for name in Statement.__dataclass_fields__},
    )
    account.open(at=statement.as_of)
    return account


async def _holder_ids(uow: UnitOfWork, source: str, refs: list[str], statement: Statement) -> dict[str, UUID]:
    known = await SourceReferenceRepository(uow).customer_ids(source, refs)
    for ref in dict.fromkeys(refs):
        if ref not in known:
            known[ref] = await _prospect(uow, source, ref, statement)
    return known


async def _prospect(uow: UnitOfWork, source: str, ref: str, statement: Statement) -> UUID:
    customer = Customer(
        id=new_id(),
        kind=Kind.PERSON,
        name=f"{source} {ref}",
        registered_at=statement.as_of,
        home_unit_id=await unit_by_code(uow, statement.unit_code) if statement.unit_code else None,
    )
    customer.register()
    CustomerRepository(uow).add(customer)
    await SourceReferenceRepository(uow).add(source, ref, customer.id)
    return customer.id
