"""A campaign: what is told to whom, over which channel, and who said that it may."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.common.domain import Aggregate, Conflict, after
from libs.contracts.marketing import (
    CampaignApproved,
    CampaignCancelled,
    CampaignChannel,
    CampaignDrafted,
    CampaignEvent,
    CampaignFinished,
    CampaignRejected,
    CampaignStarted,
    CampaignSubmitted,
)
from services.marketing.domain.member import CampaignMember, MemberStatus
from services.marketing.domain.segment import Segment


class Status(StrEnum):
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class Move(StrEnum):
    SUBMIT = "submit"
    APPROVE = "approve"
    REJECT = "reject"
    START = "start"
    FINISH = "finish"
    CANCEL = "cancel"


MOVES: dict[Move, tuple[frozenset[Status], Status]] = {
    Move.SUBMIT: (frozenset({Status.DRAFT}), Status.IN_REVIEW),
    Move.APPROVE: (frozenset({Status.IN_REVIEW}), Status.APPROVED),
    Move.REJECT: (frozenset({Status.IN_REVIEW}), Status.REJECTED),
    Move.START: (frozenset({Status.APPROVED}), Status.RUNNING),
    Move.FINISH: (frozenset({Status.RUNNING}), Status.FINISHED),
    Move.CANCEL: (frozenset({Status.DRAFT, Status.IN_REVIEW, Status.APPROVED, Status.RUNNING}), Status.CANCELLED),
}


@dataclass(kw_only=True, eq=False)
class Campaign(Aggregate):
    """Of a unit, for the customers of its tree. While it runs, `selected_up_to` is the last customer looked at.

    `approver_id` is who approved or rejected it.
    """

    org_unit_id: UUID
    code: str
    name: str
    channel: CampaignChannel
    product_id: UUID | None
    segment: Segment
    message: str
    author_id: UUID
    drafted_at: datetime
    status: Status = Status.DRAFT
    started_at: datetime | None = None
    approver_id: UUID | None = None
    selected_up_to: UUID | None = None
    queued: int = 0
    suppressed: int = 0

    def draft(self) -> None:
        self._tell(CampaignDrafted, self.drafted_at, code=self.code, channel=self.channel)

    def submit(self, *, at: datetime) -> None:
        self._move(Move.SUBMIT)
        self._tell(CampaignSubmitted, at)

    def approve(self, *, by: UUID, at: datetime) -> None:
        """Raises Conflict for its author: four eyes see more than two."""
        if by == self.author_id:
            raise Conflict("A campaign is approved by somebody else than its author.")
        self._move(Move.APPROVE)
        self.approver_id = by
        self._tell(CampaignApproved, at)

    def reject(self, *, by: UUID, at: datetime) -> None:
        self._move(Move.REJECT)
        self.approver_id = by
        self._tell(CampaignRejected, at)

    def start(self, *, at: datetime) -> None:
        self._move(Move.START)
        self.started_at = at
        self._tell(CampaignStarted, at)

    def cancel(self, *, at: datetime) -> None:
        self._move(Move.CANCEL)
        self._tell(CampaignCancelled, at)

    def count(self, member: CampaignMember) -> None:
        if member.status is MemberStatus.QUEUED:
            self.queued += 1
        else:
            self.suppressed += 1

    def finish(self, *, at: datetime) -> None:
        self._move(Move.FINISH)
        self._tell(CampaignFinished, at, queued=self.queued, suppressed=self.suppressed)

    def _move(self, move: Move) -> None:
        self.status = after(MOVES, move, self.status)

    def _tell(self, event: type[CampaignEvent], at: datetime, **told: object) -> None:
        self.record(event(occurred_at=at, campaign_id=self.id, org_unit_id=self.org_unit_id, **told))
