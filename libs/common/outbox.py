"""The outbox: events stored in the transaction that made them true, sent later by the relay."""

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from libs.common.domain import DomainEvent, InvalidValue
from libs.common.driver import within
from libs.common.ids import new_id
from libs.common.tracing import traceparent

LARGEST_EVENT = 256 * 1024

INSERT = """
    INSERT INTO outbox (event_id, type, key, subject, sequence, payload, traceparent, occurred_at)
    SELECT event_id, type, key, subject, sequence, payload, $8, occurred_at
    FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::bigint[], $6::bytea[], $7::timestamptz[])
        WITH ORDINALITY AS e (event_id, type, key, subject, sequence, payload, occurred_at, place)
    ORDER BY place
"""


_adapters: dict[type, TypeAdapter[Any]] = {}


def adapter(event: type) -> TypeAdapter[Any]:
    """Encoder and decoder of one published dataclass, made once."""
    if event not in _adapters:
        _adapters[event] = TypeAdapter(event)
    return _adapters[event]


def insert(session: Session, events: list[tuple[DomainEvent, int]]) -> None:
    """Store events in the order in which they were recorded.

    Raises:
        InvalidValue: an event is too large to be sent.
    """
    if not events:
        return
    rows = [
        (new_id(), event.type, event.key, event.subject, sequence, _encode(event), event.occurred_at)
        for event, sequence in events
    ]
    within(session, INSERT, *zip(*rows, strict=True), traceparent())


def _encode(event: DomainEvent) -> bytes:
    encoder: TypeAdapter[Any] = adapter(type(event))
    payload = encoder.dump_json(event)
    if len(payload) > LARGEST_EVENT:
        raise InvalidValue("body", f"The event {event.type} would be larger than {LARGEST_EVENT} bytes.")
    return payload
