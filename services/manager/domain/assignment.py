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


class Rule(StrEnum):
    """By what an assignment is made where no person decides it."""

    SMALLEST_BOOK = "smallest_book"


@dataclass(kw_only=True, eq=False)
class Assignment(Aggregate):
    """`reason` and `end_reason` are the words of whoever decided; they stay here and are in no event."""

    customer_id: UUID
    staff_id: UUID
    line: Line
    role: AssignmentRole
    started_at: datetime
    rule: Rule | None = None
    reason: str | None = None
    ended_at: datetime | None = None
    end_reason: str | None = None

    def start(self) -> None:
        self.record(
            AssignmentStarted(
                occurred_at=self.started_at,
                assignment_id=self.id,
                customer_id=self.customer_id,
                staff_id=self.staff_id,
                line=self.line.value,
                role=self.role.value,
                rule=self.rule.value if self.rule else None,
            )
        )

    def end(self, reason: str, *, at: datetime) -> None:
        if self.ended_at is not None:
            raise Conflict("This assignment has ended already.")
        self.ended_at, self.end_reason = at, reason
        self.record(
            AssignmentEnded(
                occurred_at=at,
                assignment_id=self.id,
                customer_id=self.customer_id,
                staff_id=self.staff_id,
                line=self.line.value,
                role=self.role.value,
            )
        )
