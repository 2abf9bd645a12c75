"""Publication marks: one row per (stream, key), never deleted, so that its version is a counter under a lock."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from libs.common.driver import within
from libs.common.tracing import traceparent

# The clock gives a restored backup higher versions than before the loss; the row gives order under its lock.
NOW_IN_MICROSECONDS = "(extract(epoch from clock_timestamp()) * 1000000)::bigint"

MARK = f"""
    INSERT INTO publication_marks (stream, key, version, traceparent)
    SELECT stream, key, {NOW_IN_MICROSECONDS}, $3 FROM unnest($1::text[], $2::uuid[]) AS dirtied (stream, key)
    ON CONFLICT (stream, key) DO UPDATE SET
        version = greatest(publication_marks.version + 1, {NOW_IN_MICROSECONDS}),
        dirty = true,
        marked_at = clock_timestamp(),
        traceparent = excluded.traceparent
    RETURNING stream, key, version
"""  # noqa: S608 - the only thing put in is the constant above


@dataclass(frozen=True)
class Mark:
    stream: str
    key: UUID
    version: int


def mark(session: Session, dirtied: Iterable[tuple[str, UUID]]) -> list[Mark]:
    """Mark keys dirty, in one order for everybody, so that two writers never wait for each other in a circle."""
    ordered = sorted(dirtied)
    if not ordered:
        return []
    streams, keys = zip(*ordered, strict=True)
    return [Mark(*row) for row in within(session, MARK, streams, keys, traceparent(sampled_only=True))]
