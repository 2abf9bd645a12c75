"""What a member of staff has to do for a customer, by when."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from libs.common.clock import day_of, start_of
from libs.common.domain import Aggregate, Conflict, InvalidValue
from libs.contracts.manager import TaskCancelled, TaskCompleted, TaskEvent, TaskFellDue, TaskOpened, TaskRule


class TaskStatus(StrEnum):
    OPEN = "open"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """What opens a task by itself: of which kind, and within how many days it is to be done."""

    rule: TaskRule
    kind: str
    days: int

    def due_at(self, at: datetime) -> datetime:
        """The end of the last day, in Shanghai."""
        return start_of(day_of(at) + timedelta(days=self.days + 1))


@dataclass(frozen=True, kw_only=True)
class WaitingTask:
    """What a rule opens while nobody is there whom it can be given to."""

    rule: TaskRule
    cause_id: UUID
    customer_id: UUID
    kind: str
    opened_at: datetime
    due_at: datetime


@dataclass(kw_only=True, eq=False)
class Task(Aggregate):
    """`cause_id` is what a rule opened it for: once for each. `note` and `outcome` stay here and are in no event."""

    customer_id: UUID
    staff_id: UUID
    kind: str
    due_at: datetime
    opened_at: datetime
    note: str | None = None
    rule: TaskRule | None = None
    cause_id: UUID | None = None
    status: TaskStatus = TaskStatus.OPEN
    fell_due_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str | None = None

    def open(self) -> None:
        """Raises InvalidValue for a time that is over."""
        if self.due_at <= self.opened_at:
            raise InvalidValue("due_at", "A task is due at a time to come.")
        self._tell(TaskOpened, self.opened_at, rule=self.rule)

    def fall_due(self, *, at: datetime) -> None:
        self.fell_due_at = at
        self._tell(TaskFellDue, at)

    def complete(self, outcome: str, *, at: datetime) -> None:
        self._end(TaskStatus.COMPLETED, outcome, at)
        self._tell(TaskCompleted, at, on_time=at <= self.due_at)

    def cancel(self, reason: str, *, at: datetime) -> None:
        self._end(TaskStatus.CANCELLED, reason, at)
        self._tell(TaskCancelled, at)

    def _end(self, status: TaskStatus, outcome: str, at: datetime) -> None:
        if self.status is not TaskStatus.OPEN:
            raise Conflict(f"This task is {self.status.value} already.")
        self.status, self.outcome, self.ended_at = status, outcome, at

    def _tell(self, event: type[TaskEvent], at: datetime, **more: Any) -> None:
        told = {
            "task_id": self.id, "customer_id": self.customer_id, "staff_id": self.staff_id, "kind": self.kind,
            "due_at": self.due_at,
        }  # fmt: skip
        self.record(event(occurred_at=at, **told, **more))  # type: ignore[arg-type] # by name
