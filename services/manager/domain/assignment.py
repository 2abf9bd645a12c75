"""Who looks after a customer: exactly one main manager (主办客户经理) for each business line."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.common.domain import Aggregate, Conflict
from libs.contracts.manager import AssignmentEnded, AssignmentStarted


class Line(StrEnum):
    RETAIL = "retail"
    CORPORATE = "corporate"


class AssignmentRole(StrEnum):
    MAIN = "main"
    ASSISTANT = "assistant"
    COVER = "cover"


LINE_OF_KIND = {"person": Line.RETAIL, "organisation": Line.CORPORATE}

SMALLEST_BOOK = "rule: smallest book of the home unit"


@dataclass(kw_only=True, eq=False)
class Assignment(Aggregate):
    customer_id: UUID
    staff_id: UUID
    line: Line
    role: AssignmentRole
    reason: str
    started_at: datetime
    ended_at: datetime | None = None

    def start(self) -> None:
        self.record(
            AssignmentStarted(
                occurred_at=self.started_at,
                assignment_id=self.id,
                customer_id=self.customer_id,
                staff_id=self.staff_id,
                line=self.line.value,
                role=self.role.value,
                reason=self.reason,
            )
        )

    def end(self, reason: str, *, at: datetime) -> None:
        if self.ended_at is not None:
            raise Conflict("This assignment has ended already.")
        self.ended_at = at
        self.record(
            AssignmentEnded(
                occurred_at=at,
                assignment_id=self.id,
                customer_id=self.customer_id,
                staff_id=self.staff_id,
                line=self.line.value,
                role=self.role.value,
                reason=reason,
            )
        )
