"""A partner's webhook: where it is told, as it happens, that something changed for customers who consent to it.

A message names the customer and what happened; what is true now, the partner reads at the API: docs/adr/0013.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from libs.common.domain import Aggregate, InvalidValue, MoveNotAllowed, after
from libs.contracts import customer

OFFERED: dict[type[customer.CustomerEvent | customer.AccountEvent | customer.ConsentEvent], str] = dict.fromkeys(
    (
        customer.CustomerActivated,
        customer.CustomerUpdated,
        customer.AccountOpened,
        customer.AccountUpdated,
        customer.AccountClosed,
        customer.ConsentGranted,
    ),
    "sections:profile",
)
"""Events that a partner may be told of → the permission that it needs. A consent is told to its own party alone."""
TYPES = {event.type: permission for event, permission in OFFERED.items()}
PING = "crm.webhook.pinged.v1"
"""Sent when a partner asks for it, to try an endpoint; of no customer."""


class WebhookStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    STOPPED = "stopped"
    ENDED = "ended"


class WebhookMove(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"


A, P, S = WebhookStatus.ACTIVE, WebhookStatus.PAUSED, WebhookStatus.STOPPED
MOVES: dict[WebhookMove, tuple[frozenset[WebhookStatus], WebhookStatus]] = {
    WebhookMove.PAUSE: (frozenset({A}), P),
    WebhookMove.RESUME: (frozenset({P, S}), A),
    WebhookMove.END: (frozenset({A, P, S}), WebhookStatus.ENDED),
}
"""Move → from which statuses, to which. What happens while one is paused or stopped waits for it to go on."""


@dataclass(kw_only=True, eq=False)
class Webhook(Aggregate):
    """`types` are event types; `status_reason` says why it stopped."""

    partner: str
    url: str
    types: list[str]
    description: str
    created_at: datetime
    status: WebhookStatus = WebhookStatus.ACTIVE
    status_reason: str | None = None
    version: int = 1

    def describe(self, *, url: str, types: Sequence[str], description: str) -> None:
        if self.status is WebhookStatus.ENDED:
            raise MoveNotAllowed("describe", self.status, [])
        self.url, self.types, self.description = url, known(types), description
        self.version += 1

    def move(self, move: WebhookMove) -> None:
        self.status, self.status_reason = after(MOVES, move, self.status), None
        self.version += 1

    def change_secret(self) -> None:
        """Its secrets are apart from it; its version says that they changed."""
        if self.status is WebhookStatus.ENDED:
            raise MoveNotAllowed("change_secret", self.status, [])
        self.version += 1


def known(types: Sequence[str]) -> list[str]:
    if unknown := [name for name in types if name not in TYPES]:
        raise InvalidValue("types", f"Unknown: {', '.join(unknown)[:200]}; known: {', '.join(TYPES)}.")
    return list(dict.fromkeys(types))


class DeliveryStatus(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    WITHHELD = "withheld"


@dataclass(kw_only=True, eq=False)
class Delivery(Aggregate):
    """One event, for one customer whom it concerns, on its way to one webhook. Its id is the message's id, each time.

    `place` is its place among the events of its customer; `tries` counts since it was last asked for, at `waits_since`.
    """

    webhook_id: UUID
    event_id: UUID
    type: str
    customer_id: UUID | None
    subject: UUID
    sequence: int
    occurred_at: datetime
    due_at: datetime
    waits_since: datetime
    place: int = 0
    tries: int = 0
    status: DeliveryStatus = DeliveryStatus.WAITING
    version: int = 1

    def tried(self, *, reached: bool, at: datetime, wait: timedelta | None) -> None:
        """`wait` is the time until the next try, None where there is none. A late word of another changes nothing."""
        self.version += 1  # its attempts are shown with it
        if self.status is not DeliveryStatus.WAITING:
            return
        self.tries += 1
        if reached:
            self.status = DeliveryStatus.DELIVERED
        elif wait is None:
            self.status = DeliveryStatus.FAILED
        else:
            self.due_at = at + wait

    def withhold(self) -> None:
        """The partner may not be told: its consent was withdrawn, or its permission."""
        if self.status is DeliveryStatus.WAITING:
            self.status = DeliveryStatus.WITHHELD
            self.version += 1

    def send_again(self, *, at: datetime) -> None:
        """As it was the first time, with all its tries; refused while it is on its way."""
        if self.status is DeliveryStatus.WAITING:
            raise MoveNotAllowed("redeliver", self.status, [])
        self.status, self.tries, self.due_at, self.waits_since = DeliveryStatus.WAITING, 0, at, at
        self.version += 1
