"""Copies of compacted topics: per key the newest version wins, so repeats and late records change nothing.

A tombstone stays as a row without a document, or a replayed older record would bring its key back. A copy can be
rebuilt at any time: the topic is read into a shadow beside it, and the two are joined in one transaction.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import asyncpg
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from libs.common.connections import PATIENT
from libs.common.kafka import headers_of
from libs.common.reader import Reader
from libs.common.to_the_end import read_to_the_end
from libs.common.topics import WATERMARK
from libs.common.tracing import tell_handled
from libs.common.transient import passing

log = structlog.get_logger()

BATCH = 2000


@dataclass(frozen=True, kw_only=True)
class Copy:
    """Where a topic's documents go. `columns` maps a column to a SQL expression over `document jsonb`;
    `section` is set where several topics share one table, keyed by (key, section).
    """

    topic: str
    table: str
    key: str
    columns: Mapping[str, str]
    section: str | None = None

    def upsert(self, table: str) -> str:
        """One statement: $1 keys, $2 versions, $3 documents, $4 times of change, $5 partitions."""
        constant = {"section": f"'{self.section}'"} if self.section else {}
        columns = {**constant, **self.columns}
        target = [self.key, "version", "changed_at", *columns]
        conflict = f"{self.key}, section" if self.section else self.key
        updates = ", ".join(f"{c} = excluded.{c}" for c in target if c not in (self.key, "section"))
        return f"""
            INSERT INTO {table} AS held ({", ".join(target)})
            SELECT key, version, changed_at, {", ".join(columns.values())}
            FROM (SELECT key, version, changed_at, document::jsonb AS document
                  FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[])
                       AS r (key, version, document, changed_at)) AS record
            ON CONFLICT ({conflict}) DO UPDATE SET {updates} WHERE held.version < excluded.version
        """  # noqa: S608 - names come from our own declarations

    def join_shadow(self) -> str:
        """Bring the shadow's rows into the live table where they are as new or newer, and say something else."""
        constant = ["section"] if self.section else []
        target = [self.key, "version", "changed_at", *constant, *self.columns]
        conflict = f"{self.key}, section" if self.section else self.key
        told = [c for c in target if c not in (self.key, "section")]
        updates = ", ".join(f"{c} = excluded.{c}" for c in told)
        live, shadow = (", ".join(f"{name}.{c}" for c in told) for name in ("live", "shadow"))
        only = f"shadow.section = '{self.section}' AND" if self.section else ""
        # What stays as it is is not even locked, and the rest in the order in which records lock: nobody waits long,
        # and nobody in a circle.
        return f"""
            INSERT INTO {self.table} AS held ({", ".join(target)})
            SELECT {", ".join(f"shadow.{c}" for c in target)}
            FROM {self.table}_shadow AS shadow LEFT JOIN {self.table} AS live USING ({conflict})
            WHERE {only} (live.version IS NULL
                          OR live.version <= shadow.version AND ({live}) IS DISTINCT FROM ({shadow}))
            ORDER BY shadow.{self.key}
            ON CONFLICT ({conflict}) DO UPDATE SET {updates} WHERE held.version <= excluded.version
        """  # noqa: S608 - names come from our own declarations


WATERMARKS = """
    INSERT INTO {schema}.watermarks AS held (topic, partition, as_of)
    SELECT topic, partition, as_of FROM unnest($1::text[], $2::int[], $3::timestamptz[]) AS w (topic, partition, as_of)
    ON CONFLICT (topic, partition) DO UPDATE SET as_of = greatest(held.as_of, excluded.as_of)
"""


UNHEARD = """
    INSERT INTO {schema}.watermarks (topic, partition, as_of)
    SELECT topic, partition, $3 FROM unnest($1::text[], $2::int[]) AS p (topic, partition) ON CONFLICT DO NOTHING
"""
NEVER = datetime.fromtimestamp(0, UTC)
JOINS = 5
ALONE = "SELECT pg_try_advisory_lock(hashtext($1))"


@dataclass
class Copier:
    """Keeps copies up to date. `schema` holds their tables and their watermarks."""

    schema: str
    copies: Sequence[Copy]
    reader: Reader
    _noted: set[tuple[str, int]] = field(default_factory=set)

    async def run(self) -> None:
        async with self.reader.reading():
            while True:
                await self._note_partitions()
                if records := await self.reader.read(BATCH):
                    began = time.time_ns()
                    await self.reader.effects.patiently(partial(self._apply, records))
                    _tell_spans(records, began)
                await self.reader.handled()

    async def _apply(self, records: list[ConsumerRecord], connection: Any) -> None:
        await apply(connection, self.schema, self.copies, records)

    async def _note_partitions(self) -> None:
        """A partition that was never heard is as old as can be: the copy is complete only once each was."""
        consumer = self.reader.consumer
        known = {(c.topic, n) for c in self.copies for n in consumer.partitions_for_topic(c.topic) or ()}
        if new := known - self._noted:
            await self.reader.held.patiently(lambda connection: note_partitions(connection, self.schema, new))
            self._noted |= new


def _tell_spans(records: Iterable[ConsumerRecord], began: int) -> None:
    for record in records:
        told = dict(record.headers).get("traceparent")
        if told is not None:
            tell_handled(record.topic, told.decode(errors="replace"), began)


async def note_partitions(connection: Any, schema: str, partitions: Iterable[tuple[str, int]]) -> None:
    topics, numbers = zip(*sorted(partitions), strict=True)
    await connection.execute(UNHEARD.format(schema=schema), topics, numbers, NEVER)


class _Newest(NamedTuple):
    """Of its key, in a batch."""

    version: int
    headers: Mapping[str, str]
    record: ConsumerRecord


async def apply(
    connection: Any, schema: str, copies: Sequence[Copy], records: Sequence[ConsumerRecord], suffix: str = ""
) -> None:
    """Apply records to copies in one transaction; a batch is folded to the newest version of each key first."""
    newest: dict[str, dict[bytes, _Newest]] = defaultdict(dict)
    marks: dict[tuple[str, int], datetime] = {}
    for record in records:
        headers, held = headers_of(record), newest[record.topic]
        if headers.get("ce_type") == WATERMARK:
            marks[record.topic, record.partition] = datetime.fromisoformat(record.value.decode())
            continue
        version = int(headers.get("ce_sequence", "0"))
        if record.key not in held or held[record.key].version <= version:
            held[record.key] = _Newest(version, headers, record)
    statements: list[tuple[str, Sequence[Any]]] = []
    for copy in copies:
        if told := newest[copy.topic]:
            rows = [_row(*told[key]) for key in sorted(told)]
            statements.append((copy.upsert(copy.table + suffix), list(zip(*rows, strict=True))))
    if marks and not suffix:
        topics, partitions = zip(*marks, strict=True)
        statements.append((WATERMARKS.format(schema=schema), (topics, partitions, list(marks.values()))))
    async with as_one(connection, statements):
        for statement, arguments in statements:
            await connection.execute(statement, *arguments)


def as_one(connection: Any, statements: Sequence[object]) -> AbstractAsyncContextManager[Any]:
    """A transaction; a single statement is one by itself."""
    return connection.transaction() if len(statements) > 1 else nullcontext()


def _row(version: int, headers: Mapping[str, str], record: ConsumerRecord) -> tuple[str, int, str | None, datetime]:
    document = record.value.decode() if record.value is not None else None
    return record.key.decode(), version, document, datetime.fromisoformat(headers["ce_time"])


class RebuildRuns(Exception):
    """Somebody else rebuilds the same copy now."""


async def rebuild(
    dsn: str,
    schema: str,
    copies: Sequence[Copy],
    consumer: AIOKafkaConsumer,
    tell: Callable[[int, int], None] = lambda _read, _left: None,
) -> int:
    """Read every topic from its start into the shadow tables, then join them into the live ones in one transaction.

    `consumer` is started, subscribed to those topics, and of no group; `tell` hears how many records were read, and
    how many are left. Returns the number of records read. Readers see the old copy until the commit.

    Raises:
        RebuildRuns: of this copy, by somebody else.
    """
    connection = await asyncpg.connect(dsn, timeout=5, server_settings=PATIENT)
    try:
        if not await connection.fetchval(ALONE, f"rebuild of {schema}"):
            raise RebuildRuns
        for table in sorted({copy.table for copy in copies}):
            await connection.execute(f"DELETE FROM {table}_shadow")  # noqa: S608 - our own table
        read = await _read_into_shadow(connection, schema, copies, consumer, tell)
        await _join(connection, copies)
        return read
    finally:
        connection.terminate()


async def _join(connection: Any, copies: Sequence[Copy]) -> None:
    """What was read is not thrown away for a deadlock."""
    for left in reversed(range(JOINS)):
        try:
            async with connection.transaction():
                for copy in copies:
                    await connection.execute(copy.join_shadow())
        except asyncpg.PostgresError as error:
            if not passing(error) or not left:
                raise
        else:
            return


async def _read_into_shadow(
    connection: Any, schema: str, copies: Sequence[Copy], consumer: AIOKafkaConsumer, tell: Callable[[int, int], None]
) -> int:
    total, begun = 0, time.monotonic()
    async for records, read, left in read_to_the_end(consumer):
        await apply(connection, schema, copies, records, suffix="_shadow")
        tell(read, left)
        total = read
    log.info("copy read", schema=schema, records=total, seconds=round(time.monotonic() - begun, 1))
    return total
