from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Stated:
    """What the core states of an account, and whose it is: the main holder first, by the core's customer numbers."""

    source: str
    account_ref: str
    holders: Sequence[tuple[str, HolderRole]]
    statement: Statement


Number = tuple[str, bytes]
"""A source, and the index of an account's number there: alike for every way to write it."""


async def state_accounts(uow: UnitOfWork, stated: Sequence[Stated], *, now: datetime) -> None:
    """Take over what the core states, one after the other; a holder who is not yet known becomes a prospect."""
    numbers = [(one.source, uow.sealer.indexes(ACCOUNT, one.account_ref)) for one in stated]
    known = await AccountRepository(uow).by_numbers(numbers)
    keys = [(source, indexes[0]) for source, indexes in numbers]
    accounts = {key: account for key, account in zip(keys, known, strict=True) if account}
    news = _news(zip(keys, stated, strict=True), accounts)
    ids = await _holder_ids(uow, [one for _, one in news])
    for key, one in news:
        account = accounts.get(key)
        main = ids[one.source, one.holders[0][0]]
        roles = {ids[one.source, ref]: role for ref, role in reversed(one.holders)}
        before = account.owner_ids if account else []
        if account is not None:
            account.restate(one.statement, main, roles, at=one.statement.as_of)
        else:
            account = accounts[key] = _opened(uow, one, main, roles)
            AccountRepository(uow).add(account)
        _keep(uow, account, now=now, before=before)


def _news(stated: Iterable[tuple[Number, Stated]], accounts: Mapping[Number, Account]) -> list[tuple[Number, Stated]]:
    """Without what is older than what is known of the same account, or was stated before it."""
    latest, news = {key: account.sequence for key, account in accounts.items()}, []
    for key, one in stated:
        if key not in latest or one.statement.sequence > latest[key]:
            latest[key] = one.statement.sequence
            news.append((key, one))
    return news


def _keep(uow: UnitOfWork, account: Account, *, now: datetime, before: Sequence[UUID] = ()) -> None:
    """Remember what stands on an account from its day on, and let its owners' holdings be told anew.

    `before` are its owners until now: those who are so no more hold less.
    """
    day, balance = account.stands
    if balance is not None:
        Days.of(uow).stand(account.id, day, balance)
    HoldingsRepository(uow).changed([account.id], now=now, before=before)


def _opened(uow: UnitOfWork, stated: Stated, main: UUID, roles: Mapping[UUID, HolderRole]) -> Account:
    account_id, statement = new_id(), stated.statement
    account = Account(
        id=account_id,
        origin=Origin.CORE,
        source=stated.source,
        number=seal_account_number(uow.sealer, stated.account_ref, row=account_id),
        main_holder_id=main,
        holders=[AccountHolder(account_id=account_id, customer_id=c, role=r) for c, r in sorted(roles.items())],
        **{name: getattr(statement, name) for name in Statement.__dataclass_fields__},
    )
    account.open(at=statement.as_of)
    return account


async def _holder_ids(uow: UnitOfWork, news: Sequence[Stated]) -> dict[tuple[str, str], UUID]:
    """Of every holder, by the source and its number for them."""
    first: dict[str, dict[str, Statement]] = {}
    for one in news:
        for ref, _ in one.holders:
            first.setdefault(one.source, {}).setdefault(ref, one.statement)
    ids = {}
    for source, stated in first.items():
        known = await SourceReferenceRepository(uow).customer_ids(source, list(stated))
        new = {ref: await _prospect(uow, source, ref, of) for ref, of in stated.items() if ref not in known}
        await SourceReferenceRepository(uow).add(source, new)
        ids.update({(source, ref): customer_id for ref, customer_id in (known | new).items()})
    return ids


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
    return customer.id
