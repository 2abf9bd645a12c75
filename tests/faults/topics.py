"""What the topics hold, as far as the comparison needs it."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from aiokafka import ConsumerRecord

from libs.common.kafka import epoch_of, headers_of, id_of
from libs.common.topics import EPOCH_BEGUN, WATERMARK
from tests.kafka import records_of


@dataclass(frozen=True)
class Event:
    """An event as its record names it. `key` is the customer where one is concerned."""

    id: UUID
    key: UUID
    subject: str
    sequence: int


async def read_events(bootstrap: str, topic: str) -> list[Event]:
    """Of the newest epoch, in the order of each partition's log, repeats included."""
    everything = [record async for record in records_of(bootstrap, topic)]
    records = [record for record in everything if headers_of(record)["ce_type"] != EPOCH_BEGUN]
    newest = max(map(epoch_of, records))
    return [_event(record) for record in records if epoch_of(record) == newest]


async def last_versions(bootstrap: str, topic: str) -> dict[UUID, int]:
    """What compaction would leave of a topic: each key's last record, by its version."""
    records = [record async for record in records_of(bootstrap, topic)]
    documents = [record for record in records if headers_of(record)["ce_type"] != WATERMARK]
    return {id_of(record): int(headers_of(record)["ce_sequence"]) for record in documents}


def without_repeats(events: Iterable[Event]) -> list[Event]:
    """As an inbox sees them: the first of each id."""
    return list({event.id: event for event in events}.values())


def _event(record: ConsumerRecord) -> Event:
    headers = headers_of(record)
    return Event(UUID(headers["ce_id"]), id_of(record), headers["ce_subject"], int(headers["ce_sequence"]))
