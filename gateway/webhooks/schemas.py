"""What the API of webhooks takes and shows."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from gateway.webhooks.webhook import TYPES, Delivery, DeliveryStatus, WebhookStatus
from libs.common.outbound import LONGEST_URL
from libs.common.schemas import Body, View

LONGEST_OVERLAP_HOURS = 7 * 24

Url = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_URL)]
Type = Annotated[str, StringConstraints(min_length=1, max_length=100), Field(examples=list(TYPES))]


class WebhookBody(Body):
    url: Url
    types: Annotated[list[Type], Field(min_length=1, max_length=50)]
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""


class NewSecret(Body):
    overlap_hours: Annotated[
        int, Field(ge=0, le=LONGEST_OVERLAP_HOURS, description="How long the secret before it stays valid.")
    ] = 24


EventType = Annotated[str, Field(examples=list(TYPES))]


class About(BaseModel):
    """Null where a message tells of nobody."""

    customer_id: UUID | None


class Message(BaseModel):
    """A CloudEvent (1.0, JSON): what happened to whom, and nothing of what stands there now.

    `sequence` orders the events of one `subject`.
    """

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: Literal["/guanxi"] = "/guanxi"
    type: EventType
    subject: UUID
    time: datetime
    sequence: Annotated[str, Field(examples=["3"])]
    datacontenttype: Literal["application/json"] = "application/json"
    data: About

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        return cls(
            id=delivery.event_id,
            type=delivery.type,
            subject=delivery.subject,
            time=delivery.occurred_at,
            sequence=str(delivery.sequence),
            data=About(customer_id=delivery.customer_id),
        )


class WebhookView(View):
    partner: str
    url: str
    types: list[EventType]
    description: str
    status: WebhookStatus
    status_reason: str | None
    created_at: datetime

    @classmethod
    def of(cls, thing: Any) -> Self:
        """From a webhook or from a row of a list."""
        return cls(**{name: getattr(thing, name) for name in cls.model_fields})


class SecretView(Body):
    secret: str
    made_at: datetime
    valid_until: datetime | None


class SecretsView(View):
    """The secrets by which messages are signed now, newest first."""

    fleeting = True
    secrets: list[SecretView]


class AttemptView(Body):
    """`status` is what the endpoint answered; `error` says why it did not."""

    tried_at: datetime
    status: int | None
    error: str | None
    milliseconds: int


class DeliveryView(View):
    """One message: its `id` is the header `webhook-id`, `event_id` the event's. `attempts` are shown of one alone."""

    webhook_id: UUID
    event_id: UUID
    type: EventType
    customer_id: UUID | None
    subject: UUID
    sequence: int
    occurred_at: datetime
    status: DeliveryStatus
    tries: int
    due_at: datetime
    attempts: list[AttemptView] | None = None

    @classmethod
    def of(cls, thing: Any, attempts: list[Any] | None = None) -> Self:
        """From a delivery or from a row of a list."""
        plain = {name: getattr(thing, name) for name in cls.model_fields if name != "attempts"}
        names = AttemptView.model_fields
        told = attempts and [AttemptView(**{name: getattr(row, name) for name in names}) for row in attempts]
        return cls(**plain, attempts=told)
