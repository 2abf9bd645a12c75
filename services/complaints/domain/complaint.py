"""A complaint and the only moves it may make."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.common.clock import day_of
from libs.common.domain import Aggregate, InvalidValue, after
from libs.contracts.complaints import (
    ComplaintAccepted,
    ComplaintAssigned,
    ComplaintClosed,
    ComplaintDeadlineWarned,
    ComplaintReceived,
    ComplaintReplied,
)
from services.complaints.domain.deadlines import STATUTORY, warnings
from services.complaints.domain.moves import MOVES, Move, Status


class Channel(StrEnum):
    """JR/T 0169-2018, axis A in outline, and how a reply may be given."""

    COUNTER = "counter"
    SELF_SERVICE = "self_service"
    ONLINE_BANK = "online_bank"
    PHONE = "phone"
    MOBILE = "mobile"
    MESSAGE = "message"
    LETTER = "letter"
    OTHER = "other"


@dataclass(kw_only=True, eq=False)
class DeadlineWarning:
    """One threshold of one clock in one cycle: sent at most once."""

    id: UUID
    complaint_id: UUID
    clock: str
    cycle: int
    threshold: int
    due_at: datetime
    warned_at: datetime | None = None


@dataclass(kw_only=True, eq=False)
class Complaint(Aggregate):
    customer_id: UUID
    number: str
    regimes: list[str]
    channel: Channel
    business: str
    cause: str
    facts: str
    received_at: datetime
    reply_due_at: datetime
    status: Status = Status.RECEIVED
    cycle: int = 1
    handler_id: UUID | None = None
    decision: str | None = None
    reply_channel: Channel | None = None
    replied_at: datetime | None = None
    closed_at: datetime | None = None
    root_cause: str | None = None
    responsibility: str | None = None
    remedy: str | None = None
    warnings: list[DeadlineWarning] = field(default_factory=list)

    def receive(self, new_ids: list[UUID]) -> None:
        """Start the clock. `new_ids` names the warnings to come, one for each threshold."""
        for warning_id, (threshold, at) in zip(new_ids, warnings(self.received_at, self.reply_due_at), strict=True):
            self.warnings.append(
                DeadlineWarning(
                    id=warning_id, complaint_id=self.id, clock=STATUTORY, cycle=1, threshold=threshold, due_at=at
                )
            )
        self.record(
            ComplaintReceived(
                occurred_at=self.received_at,
                complaint_id=self.id,
                customer_id=self.customer_id,
                number=self.number,
                channel=self.channel,
                business=self.business,
                cause=self.cause,
                reply_due_at=self.reply_due_at,
            )
        )

    def accept(self, *, at: datetime) -> None:
        self._move(Move.ACCEPT)
        self.record(ComplaintAccepted(occurred_at=at, complaint_id=self.id, customer_id=self.customer_id))

    def assign(self, handler_id: UUID, *, at: datetime) -> None:
        self._move(Move.ASSIGN)
        self.handler_id = handler_id
        self.record(
            ComplaintAssigned(occurred_at=at, complaint_id=self.id, customer_id=self.customer_id, handler_id=handler_id)
        )

    def reply(self, decision: str, channel: Channel, *, at: datetime) -> None:
        self._move(Move.REPLY)
        self.decision, self.reply_channel, self.replied_at = decision, channel, at
        on_time = at <= self.reply_due_at
        self.record(
            ComplaintReplied(occurred_at=at, complaint_id=self.id, customer_id=self.customer_id, on_time=on_time)
        )

    def close(self, root_cause: str, responsibility: str, remedy: str, *, at: datetime) -> None:
        self._move(Move.CLOSE)
        self.root_cause, self.responsibility, self.remedy, self.closed_at = root_cause, responsibility, remedy, at
        self.record(ComplaintClosed(occurred_at=at, complaint_id=self.id, customer_id=self.customer_id))

    def warn(self, warning: DeadlineWarning, *, at: datetime) -> None:
        """Tell that a threshold is reached; a complaint that was replied to in the meantime stays silent."""
        warning.warned_at = at
        if self.replied_at is None:
            self.record(
                ComplaintDeadlineWarned(
                    occurred_at=at,
                    complaint_id=self.id,
                    customer_id=self.customer_id,
                    clock="statutory",
                    threshold=warning.threshold,
                    due_at=self.reply_due_at,
                )
            )

    def _move(self, move: Move) -> None:
        self.status = after(MOVES, move, self.status)


def number_of(complaint_id: UUID, received_at: datetime) -> str:
    """A number that people can say: the day, and the id's random end."""
    return f"C{day_of(received_at):%Y%m%d}-{complaint_id.hex[-10:].upper()}"


def check_regimes(regimes: list[str], known: set[str]) -> None:
    if not regimes or not known.issuperset(regimes):
        raise InvalidValue("regimes", f"Name one or more of: {', '.join(sorted(known))}.")
