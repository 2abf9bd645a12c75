"""Points accounts as aggregates, with their lots and ledger, within the unit of work's scope."""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.dialects.postgresql import distinct_on

from libs.common.database import UnitOfWork
from libs.common.domain import NotFound
from libs.common.tables import in_force
from services.marketing.domain.points import EarningRule, Entry, Lot, PointsAccount
from services.marketing.storage.tables import UNSPENT, earning_rules, points_accounts, points_lots


class PointsRepository:
    """Whoever moves points locks the account first, so that movements of one account stand in a row."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, account: PointsAccount) -> None:
        self._uow.session.add(account)

    async def get(self, account_id: UUID) -> PointsAccount:
        return await self._one(points_accounts.c.id == account_id, lock=False)

    async def locked(self, account_id: UUID) -> PointsAccount:
        return await self._one(points_accounts.c.id == account_id, lock=True)

    async def of_customer(self, customer_id: UUID) -> PointsAccount:
        """Locked."""
        return await self._one(points_accounts.c.customer_id == customer_id, lock=True)

    async def expiring(self, today: date, limit: int) -> Sequence[PointsAccount]:
        """Those with something left in a lot whose last day is over, locked so that no other sweeper takes them."""
        a, of = points_accounts.c, points_lots.c
        over = select(of.points_account_id).where(UNSPENT, of.expires_on < today)
        wanted = select(PointsAccount).where(a.id.in_(over), self._uow.scope.customers(a.customer_id))
        locked = wanted.order_by(a.id).limit(limit).with_for_update(skip_locked=True)
        return (await self._uow.session.execute(locked)).scalars().all()

    async def lots_left(self, account: PointsAccount) -> Sequence[Lot]:
        within = self._uow.scope.customers(points_accounts.c.customer_id)
        of = points_lots.c
        wanted = select(Lot).join(points_accounts, points_accounts.c.id == of.points_account_id)
        theirs = wanted.where(of.points_account_id == account.id, UNSPENT, within).order_by(of.expires_on, of.id)
        return (await self._uow.session.execute(theirs)).scalars().all()

    async def enter(self, entries: Iterable[Entry], lot: Lot | None = None) -> None:
        """Write into the ledger, after the account and the lot that it names."""
        if lot is not None:
            await self._uow.session.flush()
            self._uow.session.add(lot)
            await self._uow.session.flush()
        self._uow.session.add_all(entries)

    async def rules_for(self, kind: str, day: date, source_id: UUID) -> list[EarningRule]:
        """What opening an account of this kind earns on that day, and `source_id` has not earned yet.

        Of several rows of one rule the one that began last counts.
        """
        r, of = earning_rules.c, points_lots.c
        earned = exists().where(of.source_id == source_id, of.rule == r.code)
        newest = select(r.code, r.points, r.months, r.kind).where(in_force(r, day), ~earned).ext(distinct_on(r.code))
        rules = newest.order_by(r.code, r.effective_from.desc()).subquery().c
        rows = await self._uow.session.execute(select(rules.code, rules.points, rules.months).where(rules.kind == kind))
        return [EarningRule(code=row.code, points=row.points, months=row.months) for row in rows]

    async def _one(self, condition: ColumnElement[bool], *, lock: bool) -> PointsAccount:
        within = self._uow.scope.customers(points_accounts.c.customer_id)
        wanted = select(PointsAccount).where(condition, within)
        found = await self._uow.session.execute(wanted.with_for_update() if lock else wanted)
        account = found.scalar_one_or_none()
        if account is None:
            raise NotFound.thing("points account")
        return account
