"""The ladder of a day, and whose grade is to be reviewed, within the unit of work's scope."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import distinct_on

from libs.common.database import UnitOfWork
from libs.common.tables import in_force
from services.customer.domain.customer import Customer
from services.customer.domain.grading import Ladder, Rung
from services.customer.storage.flow_tables import holdings
from services.customer.storage.history_tables import grade_rungs
from services.customer.storage.tables import customers


class GradeRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def ladder(self, day: date) -> Ladder:
        """Of several rows of one grade the one that began last counts."""
        r = grade_rungs.c
        newest = select(r.code, r.min_assets, r.grace_months).where(in_force(r, day)).ext(distinct_on(r.code))
        rows = await self._uow.session.execute(newest.order_by(r.code, r.effective_from.desc()))
        return Ladder([Rung(code=row.code, min_assets=row.min_assets, grace_months=row.grace_months) for row in rows])

    async def due(self, now: datetime, limit: int) -> Sequence[Customer]:
        """Whose grade is to be reviewed by now, locked, so many that no other sweeper has at most."""
        c, h = customers.c, holdings.c
        late = select(h.customer_id).where(h.grade_due_at <= now).order_by(h.grade_due_at).limit(limit)
        wanted = select(Customer).where(c.id.in_(late), self._uow.scope.customers(c.id)).order_by(c.id)
        locked = wanted.with_for_update(of=customers, key_share=True, skip_locked=True)
        due = (await self._uow.session.execute(locked)).scalars().all()
        still = select(h.customer_id).where(h.customer_id.in_([customer.id for customer in due]), h.grade_due_at <= now)
        left = set((await self._uow.session.execute(still)).scalars())
        return [customer for customer in due if customer.id in left]

    def reviewed(self, customer_ids: Collection[UUID], *, next_at: datetime) -> None:
        """Once more then. It is noted at the commit: rows of `holdings` are locked after the marks."""
        theirs = holdings.c.customer_id.in_(customer_ids)
        done = update(holdings).where(theirs).values(grade_due_at=next_at)
        self._uow.at_commit(lambda session: session.execute(done))
