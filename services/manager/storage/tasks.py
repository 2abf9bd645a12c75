"""Tasks as aggregates and as lists, within the unit of work's scope."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, delete, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from libs.common.database import UnitOfWork
from libs.common.domain import NotFound
from libs.common.listing import matching, newest
from libs.common.tables import in_force
from services.manager.domain.assignment import AssignmentRole
from services.manager.domain.task import Occasion, Task, TaskStatus, WaitingTask
from services.manager.storage.tables import assignments, occasions, staff, tasks, waiting_tasks


class TaskRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, task: Task) -> None:
        self._uow.session.add(task)

    async def get(self, task_id: UUID) -> Task:
        within = self._uow.scope.customers(tasks.c.customer_id)
        found = await self._uow.session.execute(select(Task).where(tasks.c.id == task_id, within))
        task = found.scalar_one_or_none()
        if task is None:
            raise NotFound.thing("task")
        return task

    async def get_for_change(self, task_id: UUID) -> Task:
        task = await self.get(task_id)
        self._uow.check_version(task)
        return task

    async def falling_due(self, now: datetime, limit: int) -> Sequence[Task]:
        """Those whose time has come and of which nobody was told yet, locked so that no other sweeper takes them."""
        t = tasks.c
        late = (t.status == TaskStatus.OPEN) & t.fell_due_at.is_(None) & (t.due_at <= now)
        wanted = select(Task).where(late, self._uow.scope.customers(t.customer_id)).order_by(t.due_at).limit(limit)
        return (await self._uow.session.execute(wanted.with_for_update(skip_locked=True))).scalars().all()

    async def occasion(self, rule: str, day: date) -> Occasion | None:
        """What a rule opens on a day; none where the bank has none."""
        o = occasions.c
        wanted = (
            select(o.rule, o.kind, o.days).where(o.rule == rule, in_force(o, day)).order_by(o.effective_from.desc())
        )
        row = (await self._uow.session.execute(wanted.limit(1))).first()
        return Occasion(rule=row.rule, kind=row.kind, days=row.days) if row else None

    async def was_opened(self, rule: str, cause_id: UUID) -> bool:
        t = tasks.c
        within = select(t.id).where(t.rule == rule, t.cause_id == cause_id, self._uow.scope.customers(t.customer_id))
        return (await self._uow.session.execute(within)).first() is not None

    async def main_manager(self, customer_id: UUID) -> UUID | None:
        """Of whichever business line; who has been it for longest, and still works here."""
        wanted = select(self._main_manager(literal(customer_id)))
        staff_id: UUID | None = (await self._uow.session.execute(wanted)).scalar_one()
        return staff_id

    async def let_wait(self, task: WaitingTask) -> None:
        await self._uow.session.execute(insert(waiting_tasks).values(asdict(task)).on_conflict_do_nothing())

    async def to_give(self, limit: int) -> list[tuple[WaitingTask, UUID]]:
        """Those that waited for a main manager who is there now, each with them. They wait no longer."""
        w = waiting_tasks.c
        manager = self._main_manager(w.customer_id)
        wanted = select(waiting_tasks, manager.label("staff_id")).where(manager.is_not(None))
        locked = wanted.order_by(w.due_at).limit(limit).with_for_update(of=waiting_tasks, skip_locked=True)
        rows = (await self._uow.session.execute(locked)).mappings().all()
        found = [(WaitingTask(**{c.name: row[c.name] for c in w}), row["staff_id"]) for row in rows]
        if not found:
            return []
        given = tuple_(w.cause_id, w.rule).in_([(task.cause_id, task.rule) for task, _ in found])
        await self._uow.session.execute(delete(waiting_tasks).where(given))
        return found

    async def forget_late(self, now: datetime) -> None:
        """Those that nobody was there for until they were due."""
        w = waiting_tasks.c
        late = (w.due_at <= now) & self._uow.scope.customers(w.customer_id)
        await self._uow.session.execute(delete(waiting_tasks).where(late))

    def _main_manager(self, customer_id: ColumnElement[UUID]) -> ScalarSelect[UUID]:
        a, s = assignments.c, staff.c
        main = (a.customer_id == customer_id) & (a.role == AssignmentRole.MAIN) & a.ended_at.is_(None)
        works = select(a.staff_id).join(staff, (s.id == a.staff_id) & s.left_at.is_(None))
        return works.where(main, self._uow.scope.customers(a.customer_id)).order_by(a.id).limit(1).scalar_subquery()


async def list_tasks(
    uow: UnitOfWork,
    *,
    customer_id: UUID | None,
    staff_id: UUID | None,
    status: str | None,
    due_before: datetime | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Any]:
    """Newest first, within scope."""
    t = tasks.c
    within = select(tasks).where(uow.scope.customers(t.customer_id))
    wanted = matching(within, (t.customer_id, customer_id), (t.staff_id, staff_id), (t.status, status))
    if due_before is not None:
        wanted = wanted.where(t.due_at < due_before)
    return await newest(uow, wanted, t.id, after=after, limit=limit)
