"""Lists of customers and accounts: set-based reads that return rows."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, case, exists, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from libs.common.database import UnitOfWork
from libs.common.domain import NotFound
from libs.common.listing import matching, newest
from services.customer.domain.account import OWNERS
from services.customer.domain.names import fold, grams
from services.customer.domain.reveal import IdentifierKind
from services.customer.storage.tables import (
    account_holders,
    accounts,
    consents,
    contact_points,
    customers,
    identity_documents,
)

CUSTOMER_ROW = [customers.c[name] for name in ("id", "version", "kind", "name", "status", "home_unit_id", "grade")]


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
    wanted = select(*CUSTOMER_ROW).where(uow.scope.customers(c.id))
    if name:
        folded = fold(name)
        wanted = wanted.where(c.name_grams.contains(grams(folded)), c.name_folded.contains(folded, autoescape=True))
    wanted = matching(wanted, (c.status, status), (c.kind, kind), (c.home_unit_id, home_unit_id))
    return await newest(uow, wanted, c.id, after=after, limit=limit)


async def customer_by_document(uow: UnitOfWork, type_: str, indexes: Sequence[bytes]) -> UUID | None:
    """The customer within scope who holds a document."""
    d = identity_documents.c
    held = d.type == type_, d.number_index.in_(indexes)
    found = select(d.customer_id).where(*held, uow.scope.customers(d.customer_id))
    return (await uow.session.execute(found)).scalar_one_or_none()


async def customers_by_last_four(
    uow: UnitOfWork, kind: IdentifierKind, indexes: Sequence[bytes], *, after: UUID | None, limit: int
) -> Sequence[Any]:
    """Customers within scope of whom an identifier of that kind ends so, newest first."""
    c, d, p, a, h = customers.c, identity_documents.c, contact_points.c, accounts.c, account_holders.c
    held = {
        IdentifierKind.IDENTITY_DOCUMENT: select(d.customer_id).where(d.number_last_index.in_(indexes)),
        IdentifierKind.CONTACT_POINT: select(p.customer_id).where(p.value_last_index.in_(indexes)),
        IdentifierKind.ACCOUNT: select(h.customer_id).join(accounts).where(a.number_last_index.in_(indexes)),
    }
    wanted = select(*CUSTOMER_ROW).where(c.id.in_(held[kind]), uow.scope.customers(c.id))
    return await newest(uow, wanted, c.id, after=after, limit=limit)


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
    holders = (
        select(func.array_agg(aggregate_order_by(h.customer_id, h.customer_id)))
        .where(h.account_id == accounts.c.id)
        .scalar_subquery()
    )
    return select(*plain, *money, holders.label("holder_ids"), owned.label("is_owned")).where(held)


async def list_consents(
    uow: UnitOfWork, customer_id: UUID, *, standing: bool | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    """A customer's own, withdrawn ones too; newest first."""
    c = consents.c
    within = select(consents).where(c.customer_id == customer_id, uow.scope.customers(c.customer_id))
    return await newest(uow, matching(within, (c.withdrawn_at.is_(None), standing)), c.id, after=after, limit=limit)
