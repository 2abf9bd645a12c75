"""The publisher of a stream: dirty marks → documents by one query, in one snapshot → Kafka → clear the marks.

Every second it also tells how far the stream is complete. That watermark is the start of the last full pass whose
rows are all acknowledged, lowered to the time at which each consumed partition was last read to its end. It stands
still when the query, the sending or the consumer stands still.
"""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from libs.common.held import REPEATED, Plans, durably
from libs.common.kafka import NEVER_SENT, key_of
from libs.common.leader import Leadership
from libs.common.marks import NOW_IN_MICROSECONDS
from libs.common.metrics import PUBLISHED, SECTION_LAG
from libs.common.publication import Publication
from libs.common.sender import Record, Sender
from libs.common.topics import WATERMARK
from libs.common.transient import passing

log = structlog.get_logger()

BATCH = 500
CHECKS = 5
WATERMARK_SECONDS = 1.0
FIRST = UUID(int=0)

# One statement, so one snapshot of marks and documents, and one round trip: a row for each mark, then one for each
# document; without any mark one that says when it was looked.
SNAPSHOT = """
    WITH dirty AS MATERIALIZED (
        SELECT key, version, marked_at, traceparent FROM publication_marks
        WHERE stream = $1 AND dirty AND key > $2 ORDER BY key LIMIT $3)
    SELECT now() AS began, dirty.*, NULL AS document FROM (SELECT) AS asked LEFT JOIN dirty ON true
    UNION ALL
    SELECT NULL, told.key, NULL, NULL, NULL, told.document FROM ({documents}) AS told (key, document)
"""
DIRTY_KEYS = "(SELECT coalesce(array_agg(key), '{}') FROM dirty)::uuid[]"
# Here and below the rows are locked once, whatever the plan. One that is made while the table is small would lock all
# of them again for each row of it; a second later it is not small, and that took longer than a statement may.
OVERTAKEN = f"""
    UPDATE publication_marks AS m
    SET dirty = true, version = greatest(m.version + 1, {NOW_IN_MICROSECONDS}), marked_at = clock_timestamp()
    FROM (WITH newer AS MATERIALIZED (
              SELECT n.key FROM publication_marks AS n
              JOIN unnest($2::uuid[], $3::bigint[]) AS sent (key, version) ON n.key = sent.key
              WHERE n.stream = $1 AND n.version > sent.version ORDER BY n.key FOR UPDATE OF n)
          SELECT key FROM newer) AS newer
    WHERE m.stream = $1 AND m.key = newer.key
"""  # noqa: S608 - the only thing put in is a constant
CLEAR = """
    UPDATE publication_marks AS m SET dirty = false
    FROM (WITH unchanged AS MATERIALIZED (
              SELECT n.key FROM publication_marks AS n
              JOIN unnest($2::uuid[], $3::bigint[]) AS sent (key, version)
                ON n.key = sent.key AND n.version = sent.version
              WHERE n.stream = $1 FOR UPDATE OF n SKIP LOCKED)
          SELECT key FROM unchanged) AS unchanged
    WHERE m.stream = $1 AND m.key = unchanged.key
"""
CAUGHT_UP = """
    SELECT count(*), min(caught_up_at) FROM consumer_progress WHERE topic = ANY($1::text[])
"""


@dataclass
class Publisher:
    dsn: str
    publication: Publication
    sender: Sender
    source: str
    consumed: Sequence[str] = ()
    _cursor: UUID = FIRST
    _pass_began: datetime | None = None
    _complete: datetime | None = None
    _parked: bool = False
    _told: float = field(default=-WATERMARK_SECONDS)

    async def run(self, leadership: Leadership) -> None:
        connection = await asyncpg.connect(self.dsn, timeout=5, server_settings=REPEATED)
        plans = Plans()
        try:
            while True:
                await plans.renew(connection)
                pulses = leadership.pulses
                more = await self.publish_batch(connection, leadership)
                if time.monotonic() - self._told >= WATERMARK_SECONDS:
                    await self._tell_watermark(connection, leadership)
                if not more:
                    await leadership.sleep(WATERMARK_SECONDS, since=pulses)
        finally:
            connection.terminate()

    async def publish_batch(self, connection: Any, leadership: Leadership) -> bool:
        """Publish up to a batch of dirty keys; True where the pass over all of them is not at its end."""
        began, marks, documents = await self._snapshot(connection)
        if self._cursor == FIRST:
            self._pass_began, self._parked = began, False
        if marks:
            leadership.check()
            await to_its_end(self._publish(connection, leadership, marks, documents))
        return self._advance(marks)

    async def _publish(
        self, connection: Any, leadership: Leadership, marks: list[Any], documents: dict[UUID, str]
    ) -> None:
        results = await self.sender.send_each([self._record(mark, documents.get(mark["key"])) for mark in marks])
        if leadership.lapsed:
            await self._have_overtaken_published_again(connection, marks)
        sent = [mark for mark, result in zip(marks, results, strict=True) if result is None]
        await self.sender.store(connection, CLEAR, self.publication.stream, *_keys_and_versions(sent))
        PUBLISHED.labels(self.publication.stream).inc(len(sent))
        for failure in results:
            if isinstance(failure, NEVER_SENT):
                # It stays dirty, so the watermark stands still: a stream that lacks a document is not complete.
                log.error("document cannot be sent", stream=self.publication.stream, cause=type(failure).__name__)
                self._parked = True
            elif failure is not None:
                raise failure

    async def _have_overtaken_published_again(self, connection: Any, marks: list[Any]) -> None:
        """Who was frozen while sending may have sent what is old by now, behind what a successor has published.

        Compaction keeps a key's last record, which would be the old one for ever: the key gets a version above both.
        Who still leads after the last acknowledgement was overtaken by nobody.
        """
        for attempt in range(CHECKS):
            try:
                await durably(connection, OVERTAKEN, self.publication.stream, *_keys_and_versions(marks))
            except asyncpg.PostgresError as error:
                if not passing(error) or attempt == CHECKS - 1:
                    raise
            else:
                return

    def _advance(self, marks: list[Any]) -> bool:
        if len(marks) == BATCH:
            self._cursor = marks[-1]["key"]
            return True
        self._cursor = FIRST
        if not self._parked:
            self._complete = self._pass_began
        return False

    async def _snapshot(self, connection: Any) -> tuple[datetime, list[Any], dict[UUID, str]]:
        rows = await connection.fetch(_snapshot_of(self.publication), self.publication.stream, self._cursor, BATCH)
        marks = sorted((row for row in rows if row["version"] is not None), key=lambda row: row["key"])
        documents = {row["key"]: row["document"] for row in rows if row["document"] is not None}
        return rows[0]["began"], marks, documents

    def _record(self, mark: Any, document: str | None) -> Record:
        value = document.encode() if document is not None else None
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", f"{self.publication.stream}/{mark['key']}/{mark['version']}".encode()),
            ("ce_source", self.source.encode()),
            ("ce_type", self.publication.stream.encode()),
            ("ce_subject", str(mark["key"]).encode()),
            ("ce_sequence", str(mark["version"]).encode()),
            ("ce_time", mark["marked_at"].isoformat().encode()),
        ]
        return Record(self.publication.topic.name, value, key_of(mark["key"]), headers, mark["traceparent"])

    async def _tell_watermark(self, connection: Any, leadership: Leadership) -> None:
        self._told = time.monotonic()
        as_of = await self._as_of(connection)
        if as_of is None:
            return
        leadership.check()
        topic = self.publication.topic.name
        value = as_of.isoformat().encode()
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", f"{topic}/watermark/".encode() + value),
            ("ce_source", self.source.encode()),
            ("ce_type", WATERMARK.encode()),
        ]
        partitions = await self.sender.partitions_for(topic)
        await self.sender.send(*(Record(topic, value, b"watermark", headers, partition=p) for p in partitions))
        SECTION_LAG.labels(topic).set((datetime.now(as_of.tzinfo) - as_of).total_seconds())

    async def _as_of(self, connection: Any) -> datetime | None:
        """How far the stream is complete; None while a consumed partition has not been read to its end once."""
        rests_on = self.consumed if self.publication.rests_on is None else self.publication.rests_on
        if not rests_on or self._complete is None:
            return self._complete
        expected = sum([len(await self.sender.partitions_for(topic)) for topic in rests_on])
        known, caught_up = await connection.fetchrow(CAUGHT_UP, list(rests_on))
        return min(self._complete, caught_up) if known == expected else None


@cache
def _snapshot_of(publication: Publication) -> str:
    return SNAPSHOT.format(documents=publication.query.replace("$1", DIRTY_KEYS))


def _keys_and_versions(marks: list[Any]) -> tuple[list[UUID], list[int]]:
    return [mark["key"] for mark in marks], [mark["version"] for mark in marks]


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end even where whoever waits is cancelled meanwhile; they learn of it afterwards."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
