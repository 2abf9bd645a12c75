"""Lists of products, points and campaigns: set-based reads that return rows."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from libs.common.database import UnitOfWork
from libs.common.listing import matching, newest
from services.marketing.storage.tables import (
    campaign_members,
    campaigns,
    points_accounts,
    points_entries,
    points_lots,
    products,
)


async def list_products(
    uow: UnitOfWork, *, code: str | None, kind: str | None, status: str | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    p = products.c
    wanted = matching(select(products), (p.code, code), (p.kind, kind), (p.status, status))
    return await newest(uow, wanted, p.id, after=after, limit=limit)


async def list_points_accounts(
    uow: UnitOfWork, *, customer_id: UUID | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    a = points_accounts.c
    within = select(points_accounts).where(uow.scope.customers(a.customer_id))
    return await newest(uow, matching(within, (a.customer_id, customer_id)), a.id, after=after, limit=limit)


async def list_entries(
    uow: UnitOfWork, *, account_id: UUID | None, customer_id: UUID | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    """Of one account, or of one customer's; each with the day up to which its lot lasts."""
    e, a, of = points_entries.c, points_accounts.c, points_lots.c
    whole = select(points_entries, a.customer_id, of.expires_on).join(points_accounts, a.id == e.points_account_id)
    within = whole.join(points_lots, of.id == e.lot_id).where(uow.scope.customers(a.customer_id))
    theirs = matching(within, (e.points_account_id, account_id), (a.customer_id, customer_id))
    return await newest(uow, theirs, e.id, after=after, limit=limit)


async def list_campaigns(
    uow: UnitOfWork, *, code: str | None, status: str | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    c = campaigns.c
    within = select(campaigns).where(uow.scope.units(c.org_unit_id))
    return await newest(uow, matching(within, (c.code, code), (c.status, status)), c.id, after=after, limit=limit)


async def list_members(
    uow: UnitOfWork,
    *,
    campaign_id: UUID | None,
    customer_id: UUID | None,
    status: str | None,
    reason: str | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Any]:
    m = campaign_members.c
    within = select(campaign_members).where(uow.scope.customers(m.customer_id))
    asked = (m.campaign_id, campaign_id), (m.customer_id, customer_id), (m.status, status), (m.reason, reason)
    return await newest(uow, matching(within, *asked), m.id, after=after, limit=limit)
