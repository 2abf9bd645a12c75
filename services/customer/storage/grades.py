"""The ladder of a day, and whose grade is to be reviewed, within the unit of work's scope."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import exists, or_, select

from libs.common.database import UnitOfWork
from services.customer.domain.customer import Customer, Kind
from services.customer.domain.grading import Ladder, Rung
from services.customer.storage.flow_tables import holdings
from services.customer.storage.history_tables import grade_rungs
from services.customer.storage.tables import customers


class GradeRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def ladder(self, day: date) -> Ladder:
        r = grade_rungs.c
        in_force = (r.effective_from <= day) & or_(r.effective_to.is_(None), r.effective_to > day)
        rows = await self._uow.session.execute(select(r.code, r.min_assets, r.grace_months).where(in_force))
        return Ladder([Rung(code=row.code, min_assets=row.min_assets, grace_months=row.grace_months) for row in rows])

    async def due(self, month: date, limit: int) -> Sequence[Customer]:
        """Persons whose holdings were told and who were not reviewed since a month began, locked."""
        c = customers.c
        late = c.grade_reviewed_on.is_(None) | (c.grade_reviewed_on < month)
        told = exists().where(holdings.c.customer_id == c.id, holdings.c.told_on.is_not(None))
        wanted = select(Customer).where(c.kind == Kind.PERSON, late, told, self._uow.scope.customers(c.id))
        locked = wanted.order_by(c.id).limit(limit).with_for_update(of=customers, key_share=True, skip_locked=True)
        return (await self._uow.session.execute(locked)).scalars().all()
