"""What the complaints API takes and shows."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from libs.common.codes import Code
from libs.common.schemas import Body, PlainView
from services.complaints.domain.complaint import Channel
from services.complaints.domain.moves import Status

Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]


class NewOwnComplaint(Body):
    regimes: Annotated[list[Code], Field(default_factory=lambda: ["nfra"], min_length=1, max_length=5)]
    channel: Channel
    business: Code
    cause: Code
    facts: Prose


class NewComplaint(NewOwnComplaint):
    customer_id: UUID


class Assignment(Body):
    handler_id: UUID


class Reply(Body):
    decision: Prose
    channel: Channel


class Closure(Body):
    root_cause: Prose
    responsibility: Prose
    remedy: Prose


class OwnComplaintView(PlainView):
    """What the complainant sees."""

    number: str
    status: Status
    channel: Channel
    facts: str
    received_at: datetime
    reply_due_at: datetime
    decision: str | None
    replied_at: datetime | None
    closed_at: datetime | None


class ComplaintView(OwnComplaintView):
    customer_id: UUID
    regimes: list[str]
    business: str
    cause: str
    handler_id: UUID | None
    reply_channel: Channel | None
