"""What an app has told the world and its database does not hold: after a restore from a backup that was too old.

`python -m libs.common.reconciling services.customer` lists it, with the app's own settings; `--mend` then lets the
database never speak again under a version that was told already, and publishes anew what it holds: newer than what
readers have, so that what was lost goes from their copies too. What was lost itself is for people to do again.
"""

import argparse
import asyncio
import importlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import Progress

from libs.common.connections import DRIVER_ERRORS, PATIENT
from libs.common.domain import DomainEvent
from libs.common.housekeeping import OUTBOX
from libs.common.kafka import headers_of, id_of, new_consumer
from libs.common.logs import configure_logs
from libs.common.marks import NOW_IN_MICROSECONDS
from libs.common.outbox import adapter
from libs.common.publication import Publication
from libs.common.to_the_end import read_to_the_end
from libs.common.topics import EPOCH_BEGUN
from libs.common.worker import Worker

EVENTS_HELD = "SELECT event_id FROM outbox"
STILL_HELD = f"{EVENTS_HELD} WHERE event_id = ANY($1)"
AGGREGATES = """
    SELECT c.relname, coalesce(own.attname, k.attname) FROM pg_index AS i
    JOIN pg_class AS c ON c.oid = i.indrelid
    JOIN pg_attribute AS k ON k.attrelid = c.oid AND k.attnum = i.indkey[0]
    JOIN pg_attribute AS v ON v.attrelid = c.oid AND v.attname = 'version'
    LEFT JOIN pg_attribute AS own ON own.attrelid = c.oid AND own.attname = 'id' AND own.atttypid = 'uuid'::regtype
    WHERE i.indisprimary AND i.indnatts = 1 AND k.atttypid = 'uuid'::regtype
      AND c.relnamespace = 'public'::regnamespace
    ORDER BY c.relname
"""
RAISE = """
    UPDATE {table} AS held SET version = told.version + 1
    FROM unnest($1::uuid[], $2::bigint[]) AS told (id, version)
    WHERE held.{key} = told.id AND held.version <= told.version
"""
# In one order for everybody, as whoever changes something marks it.
MARK_ALL = f"""
    WITH held AS (SELECT stream, key FROM publication_marks ORDER BY stream, key FOR UPDATE)
    UPDATE publication_marks AS m
    SET dirty = true, version = greatest(m.version + 1, {NOW_IN_MICROSECONDS}), marked_at = clock_timestamp()
    FROM held WHERE m.stream = held.stream AND m.key = held.key
"""  # noqa: S608 - the only thing put in is a constant
MARK_LOST = f"""
    INSERT INTO publication_marks (stream, key, version)
    SELECT stream, key, {NOW_IN_MICROSECONDS} FROM unnest($1::text[], $2::uuid[]) AS lost (stream, key)
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - the only thing put in is a constant


@dataclass(frozen=True)
class Lost:
    """An event that its topic holds and the database does not. `marks` are the documents that it changed."""

    at: datetime
    type: str
    key: UUID
    subject: UUID
    version: int
    marks: tuple[tuple[str, UUID], ...]


async def find_lost(worker: Worker, connection: Any, consumer: AIOKafkaConsumer) -> list[Lost]:
    """Of as long as the outbox keeps what was sent; `consumer` is started, of the app's events, and of no group."""
    held = {row["event_id"] for row in await connection.fetch(EVENTS_HELD)}
    since, source = datetime.now(UTC) - OUTBOX, f"/guanxi/{worker.settings.service}"
    found: dict[UUID, Lost] = {}
    with Progress(console=Console(stderr=True)) as progress:
        reading = progress.add_task(worker.settings.service, total=None)
        async for records, read, left in read_to_the_end(consumer):
            progress.update(reading, completed=read, total=read + left)
            for record in records:
                headers = headers_of(record)
                ours = headers.get("ce_source") == source and headers.get("ce_type") != EPOCH_BEGUN
                young = record.timestamp / 1000 > since.timestamp()
                if ours and young and UUID(headers["ce_id"]) not in held:
                    found[UUID(headers["ce_id"])] = _lost(record, headers, worker.publications)
    # The app may be at work, and have sent something since it was asked what it holds.
    since_then = await connection.fetch(STILL_HELD, list(found))
    lost = found.keys() - {row["event_id"] for row in since_then}
    return sorted((found[event_id] for event_id in lost), key=lambda lost: lost.at)


def _lost(record: ConsumerRecord, headers: dict[str, str], publications: Sequence[Publication]) -> Lost:
    event = adapter(_kinds()[headers["ce_type"]]).validate_json(record.value)
    marks = [(publication.stream, key) for publication in publications for key in publication.keys(event)]
    about = UUID(headers["ce_subject"]), int(headers["ce_sequence"])
    return Lost(event.occurred_at, headers["ce_type"], id_of(record), *about, tuple(marks))


def _kinds(kind: type[DomainEvent] = DomainEvent) -> dict[str, type[DomainEvent]]:
    """Every event that the app knows, by its type."""

    def below(kind: type[DomainEvent]) -> Iterator[type[DomainEvent]]:
        for each in kind.__subclasses__():
            yield each
            yield from below(each)

    return {each.type: each for each in below(kind) if hasattr(each, "type")}


async def mend(connection: Any, lost: Sequence[Lost]) -> None:
    """In one transaction."""
    versions: dict[UUID, int] = {}
    for each in lost:
        versions[each.subject] = max(versions.get(each.subject, 0), each.version)
    marks = sorted({mark for each in lost for mark in each.marks})
    async with connection.transaction():
        for table, key in await connection.fetch(AGGREGATES):
            await connection.execute(RAISE.format(table=table, key=key), list(versions), list(versions.values()))
        await connection.execute(MARK_LOST, [stream for stream, _ in marks], [key for _, key in marks])
        await connection.execute(MARK_ALL)


async def run(worker: Worker, *, mended: bool) -> list[Lost]:
    connection = await asyncpg.connect(worker.settings.dsn, timeout=5, server_settings=PATIENT)
    consumer = new_consumer(worker.settings, str(worker.events_topic), group=None)
    try:
        await consumer.start()
        lost = await find_lost(worker, connection, consumer)
        if mended:
            await mend(connection, lost)
        return lost
    finally:
        await consumer.stop()
        connection.terminate()
        await worker.database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="List what an app has told the world and its database does not hold.")
    parser.add_argument("package", help="for example services.customer")
    parser.add_argument("--mend", action="store_true", help="raise versions above what was told, and publish all anew")
    asked = parser.parse_args()
    settings = importlib.import_module(f"{asked.package}.settings").load()
    configure_logs(settings.service, settings.log_level)
    worker: Worker = importlib.import_module(f"{asked.package}.worker").worker(settings)
    if worker.events_topic is None:
        parser.error(f"{settings.service} records no events: there is nothing to hold against its topic")
    try:
        lost = asyncio.run(run(worker, mended=asked.mend))
    except (KafkaError, *DRIVER_ERRORS) as error:
        sys.exit(f"Kafka or PostgreSQL does not answer ({type(error).__name__}); nothing was changed.")
    for each in lost:
        told = f"{each.at:%Y-%m-%d %H:%M:%S} {each.type} of {each.key}: {each.subject} version {each.version}"
        sys.stdout.write(f"{told}\n")
    done = "; versions are raised and all is published anew" if asked.mend else ""
    sys.stdout.write(f"events of {settings.service} that its database does not hold: {len(lost)}{done}\n")
    sys.exit(1 if lost and not asked.mend else 0)


if __name__ == "__main__":
    main()
