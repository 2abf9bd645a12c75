"""The outbox: events stored in the transaction that made them true, sent later by the relay."""

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.orm import Session

from libs.common.domain import DomainEvent, InvalidValue
from libs.common.ids import new_id
from libs.common.tracing import traceparent

LARGEST_EVENT = 256 * 1024

INSERT = text("""
    INSERT INTO outbox (event_id, type, key, subject, sequence, payload, traceparent, occurred_at)
    SELECT event_id, type, key, subject, sequence, payload, CAST(:traceparent AS text), occurred_at
    FROM unnest(
        CAST(:event_id AS uuid[]), CAST(:type AS text[]), CAST(:key AS uuid[]), CAST(:subject AS uuid[]),
        CAST(:sequence AS bigint[]), CAST(:payload AS bytea[]), CAST(:occurred_at AS timestamptz[])
    ) WITH ORDINALITY AS e (event_id, type, key, subject, sequence, payload, occurred_at, place)
    ORDER BY place
""")


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
    columns: dict[str, Any] = {
        "event_id": [new_id() for _ in events],
        "type": [event.type for event, _ in events],
        "key": [event.key for event, _ in events],
        "subject": [event.subject for event, _ in events],
        "sequence": [sequence for _, sequence in events],
        "payload": [_encode(event) for event, _ in events],
        "occurred_at": [event.occurred_at for event, _ in events],
    }
    session.execute(INSERT, {**columns, "traceparent": traceparent()})


def _encode(event: DomainEvent) -> bytes:
    encoder: TypeAdapter[Any] = adapter(type(event))
    payload = encoder.dump_json(event)
    if len(payload) > LARGEST_EVENT:
        raise InvalidValue("body", f"The event {event.type} would be larger than {LARGEST_EVENT} bytes.")
    return payload
