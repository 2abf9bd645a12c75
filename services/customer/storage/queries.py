"""Lists of customers and accounts: set-based reads that return rows."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, case, exists, select

from libs.common.database import UnitOfWork
from libs.common.domain import NotFound
from libs.common.listing import matching, newest
from services.customer.domain.account import OWNERS
from services.customer.domain.names import fold, grams
from services.customer.storage.tables import account_holders, accounts, consents, customers, identity_documents


async def list_customers(
    uow: UnitOfWork,
    *,
    name: str | None,
    status: str | None,
    kind: str | None,
    home_unit_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Any]:
    """Newest first, within scope. `name` matches any part of the name."""
    c = customers.c
    wanted = select(c.id, c.version, c.kind, c.name, c.status, c.home_unit_id, c.grade).where(uow.scope.customers(c.id))
    if name:
        folded = fold(name)
        wanted = wanted.where(c.name_grams.contains(grams(folded)), c.name_folded.contains(folded, autoescape=True))
    wanted = matching(wanted, (c.status, status), (c.kind, kind), (c.home_unit_id, home_unit_id))
    return await newest(uow, wanted, c.id, after=after, limit=limit)


async def customer_by_document(uow: UnitOfWork, type_: str, index: bytes) -> UUID | None:
    """The customer within scope who holds a document."""
    d = identity_documents.c
    found = select(d.customer_id).where(d.type == type_, d.number_index == index, uow.scope.customers(d.customer_id))
    return (await uow.session.execute(found)).scalar_one_or_none()


async def list_accounts(uow: UnitOfWork, *, customer_id: UUID | None, after: UUID | None, limit: int) -> Sequence[Any]:
    """Newest first: accounts with a holder within scope."""
    wanted = _accounts(uow)
    if customer_id:
        wanted = wanted.where(
            exists().where(account_holders.c.account_id == accounts.c.id, account_holders.c.customer_id == customer_id)
        )
    return await newest(uow, wanted, accounts.c.id, after=after, limit=limit)


async def read_account(uow: UnitOfWork, account_id: UUID) -> Any:
    """One of them.

    Raises:
        NotFound: unknown, or without a holder within scope.
    """
    row = (await uow.session.execute(_accounts(uow).where(accounts.c.id == account_id))).one_or_none()
    if row is None:
        raise NotFound.thing("account")
    return row


def _accounts(uow: UnitOfWork) -> Select[Any]:
    """Money shows to those who reach an owner: an authorised user's people see the account, not what is on it."""
    h = account_holders.c
    held = exists().where(h.account_id == accounts.c.id, uow.scope.customers(h.customer_id))
    owned = held.where(h.role.in_(OWNERS))
    money = [case((owned, accounts.c[name])).label(name) for name in ("balance", "limit")]
    plain = [column for column in accounts.c if column.name not in ("balance", "limit")]
    return select(*plain, *money).where(held)


async def list_consents(
    uow: UnitOfWork, customer_id: UUID, *, standing: bool | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    """A customer's own, withdrawn ones too; newest first."""
    c = consents.c
    within = select(consents).where(c.customer_id == customer_id, uow.scope.customers(c.customer_id))
    return await newest(uow, matching(within, (c.withdrawn_at.is_(None), standing)), c.id, after=after, limit=limit)
