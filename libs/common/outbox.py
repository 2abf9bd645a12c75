"""The outbox: events stored in the transaction that made them true, sent later by the relay."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import TypeAdapter

from libs.common.domain import DomainEvent, InvalidValue
from libs.common.ids import new_id

LARGEST_EVENT = 256 * 1024

_adapters: dict[type, TypeAdapter[Any]] = {}


def adapter(event: type) -> TypeAdapter[Any]:
    """Encoder and decoder of one published dataclass, made once."""
    if event not in _adapters:
        _adapters[event] = TypeAdapter(event)
    return _adapters[event]


def columns(events: Iterable[tuple[DomainEvent, int]]) -> Sequence[Sequence[Any]]:
    """Ids, types, keys, subjects, sequences, payloads and times, in the order in which the events were recorded.

    Raises:
        InvalidValue: an event is too large to be sent.
    """
    rows = [
        (new_id(), event.type, event.key, event.subject, sequence, _encode(event), event.occurred_at)
        for event, sequence in events
    ]
    return list(zip(*rows, strict=True)) or [()] * 7


def _encode(event: DomainEvent) -> bytes:
    encoder: TypeAdapter[Any] = adapter(type(event))
    payload = encoder.dump_json(event)
    if len(payload) > LARGEST_EVENT:
        raise InvalidValue("body", f"The event {event.type} would be larger than {LARGEST_EVENT} bytes.")
    return payload
