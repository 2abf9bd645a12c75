"""What the complaints service tells the world."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal
from uuid import UUID

from libs.common.domain import DomainEvent
from libs.common.topics import Topic

EVENTS = Topic(name="crm.complaints.events.v1")
SECTION = Topic(name="crm.section.complaints.v1", cleanup="compact", retention=timedelta(days=7))
CASE_REFERENCE = Topic(name="crm.reference.case.v1", cleanup="compact", retention=timedelta(days=7))

ClockKind = Literal["statutory"]


@dataclass(frozen=True, kw_only=True)
class ComplaintEvent(DomainEvent):
    """Something happened to a complaint."""

    complaint_id: UUID
    customer_id: UUID

    @property
    def subject(self) -> UUID:
        return self.complaint_id

    def customers(self) -> Iterable[UUID]:
        return (self.customer_id,)


@dataclass(frozen=True, kw_only=True)
class ComplaintReceived(ComplaintEvent):
    """A complaint arrived; its statutory clock runs."""

    type: ClassVar[str] = "crm.complaint.received.v1"
    number: str
    channel: str
    business: str
    cause: str
    reply_due_at: datetime


@dataclass(frozen=True, kw_only=True)
class ComplaintAccepted(ComplaintEvent):
    """The bank took the complaint on."""

    type: ClassVar[str] = "crm.complaint.accepted.v1"


@dataclass(frozen=True, kw_only=True)
class ComplaintAssigned(ComplaintEvent):
    """A member of staff handles the complaint from now on."""

    type: ClassVar[str] = "crm.complaint.assigned.v1"
    handler_id: UUID


@dataclass(frozen=True, kw_only=True)
class ComplaintReplied(ComplaintEvent):
    """The decision was told to the complainant."""

    type: ClassVar[str] = "crm.complaint.replied.v1"
    on_time: bool


@dataclass(frozen=True, kw_only=True)
class ComplaintClosed(ComplaintEvent):
    """The case is closed, with its root cause and remedy kept."""

    type: ClassVar[str] = "crm.complaint.closed.v1"


@dataclass(frozen=True, kw_only=True)
class ComplaintDeadlineWarned(ComplaintEvent):
    """A share of the time that a clock allows has passed: 50, 80 or 100 per cent. Once per cycle of a complaint."""

    type: ClassVar[str] = "crm.complaint_deadline.warned.v1"
    clock: ClockKind
    threshold: int
    due_at: datetime


ALL: tuple[type[DomainEvent], ...] = (
    ComplaintReceived, ComplaintAccepted, ComplaintAssigned, ComplaintReplied, ComplaintClosed, ComplaintDeadlineWarned,
)  # fmt: skip
