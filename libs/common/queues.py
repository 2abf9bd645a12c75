"""What waits in an app's database: how much of it, and since when the oldest; and how old its copies are.

Every worker measures it, whoever leads and whether Kafka answers: a gauge that stands still would say that all is well.

A queue is one statement without parameters; it answers one row: how many, and the time of the oldest. What may hold the
whole bank is counted as far as COUNTED.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from libs.common.clock import SHANGHAI
from libs.common.metrics import CONSUMER_AGE, QUEUE_AGE, QUEUE_DEPTH, VIEW_STALENESS

PAUSE_SECONDS = 5.0
COUNTED = 100_000
TODAY = f"(now() AT TIME ZONE '{SHANGHAI}')::date"

AUDIT = {
    "audit": """
        SELECT count(*), min(e.written_at) FROM audit_chains AS c
        JOIN audit_entries AS e ON e.chain = c.chain AND e.sequence > c.shipped WHERE NOT c.done
    """
}
EVENTS = {
    "outbox": "SELECT count(*), min(recorded_at) FROM outbox WHERE published_at IS NULL AND parked_because IS NULL",
    "parked": "SELECT count(*), min(recorded_at) FROM outbox WHERE published_at IS NULL AND parked_because IS NOT NULL",
    "documents": "SELECT count(*), min(marked_at) FROM publication_marks WHERE dirty",
    "dead_letters": "SELECT count(*), min(raised_at) FROM dead_letters WHERE handled_at IS NULL",
}
"""Of an app that records events and hears them."""
HEARD = "SELECT topic, min(caught_up_at) AS since FROM consumer_progress WHERE topic = ANY($1) GROUP BY topic"
COPIED = "SELECT topic, min(as_of) AS since FROM {}.watermarks GROUP BY topic"


def due(table: str, at: str, where: str = "TRUE") -> str:
    """The queue of rows whose time has come; `at` is their column for it, and has an index."""
    return queue_of(f"SELECT {at} AS since FROM {table} WHERE {at} <= now() AND {where} ORDER BY {at}")  # noqa: S608


def over(table: str, last_day: str, where: str = "TRUE") -> str:
    """The queue of rows whose last day in Shanghai is over."""
    ended = began(f"{last_day} + 1")
    return queue_of(f"SELECT {ended} AS since FROM {table} WHERE {last_day} < {TODAY} AND {where} ORDER BY {last_day}")  # noqa: S608


def queue_of(rows: str) -> str:
    """The queue of what a query answers, by its column `since`."""
    return f"SELECT count(*), min(since) FROM ({rows} LIMIT {COUNTED}) AS waiting"  # noqa: S608 - written by us


def began(day: str) -> str:
    """When a day in Shanghai began, in SQL."""
    return f"(({day})::timestamp AT TIME ZONE '{SHANGHAI}')"


@dataclass(frozen=True)
class Queues:
    dsn: str
    queues: Mapping[str, str]
    hears: Collection[str]
    """Topics; what is told of others is left from when they were heard."""
    schemas: Collection[str] = ()

    async def run(self) -> None:
        connection = await asyncpg.connect(self.dsn, timeout=5)
        try:
            while True:
                await self.measure(connection)
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            connection.terminate()

    async def measure(self, connection: asyncpg.Connection) -> None:
        for name, statement in self.queues.items():
            depth, since = await connection.fetchrow(statement)
            QUEUE_DEPTH.labels(name).set(depth)
            QUEUE_AGE.labels(name).set(_age(since))
        for row in await connection.fetch(HEARD, list(self.hears)) if self.hears else ():
            CONSUMER_AGE.labels(row["topic"]).set(_age(row["since"]))
        for schema in self.schemas:
            for row in await connection.fetch(COPIED.format(schema)):
                VIEW_STALENESS.labels(row["topic"]).set(_age(row["since"]))


def _age(since: datetime | None) -> float:
    return max(0.0, (datetime.now(UTC) - since).total_seconds()) if since else 0.0
