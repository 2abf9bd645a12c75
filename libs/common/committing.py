"""What a transaction tells, in one round trip before its commit: publication marks, its answer under its key, events.

The marks come first: a mark is a lock held to the end, so the outbox's ids of one key follow the order of commits.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from sqlalchemy.orm import Session

from libs.common.domain import Conflict, DomainEvent
from libs.common.driver import within
from libs.common.marks import NOW_IN_MICROSECONDS, Mark
from libs.common.outbox import columns
from libs.common.tracing import traceparent


@dataclass(frozen=True)
class Answer:
    """What a command answered under its Idempotency-Key, and a keyed hash of the body that asked for it."""

    digest: bytes
    body_digest: bytes
    status: int
    resource_id: UUID


KEEP = "INSERT INTO idempotency_keys (digest, body_digest, status, resource_id, written)"
KEEP_ALONE = f"{KEEP} VALUES ($1, $2, $3, $4, '[]')"
"""Of a command that tells nobody anything, in an app that may have nobody to tell."""
# An event's id is drawn for a row of the join, which has none before every mark is locked.
TELL = f"""
    WITH marked AS (
        INSERT INTO publication_marks (stream, key, version, traceparent)
        SELECT stream, key, {NOW_IN_MICROSECONDS}, $3 FROM unnest($1::text[], $2::uuid[]) AS dirtied (stream, key)
        ON CONFLICT (stream, key) DO UPDATE SET
            version = greatest(publication_marks.version + 1, {NOW_IN_MICROSECONDS}),
            dirty = true,
            marked_at = clock_timestamp(),
            traceparent = excluded.traceparent
        RETURNING stream, key, version),
    answered AS (
        {KEEP}
        SELECT $4::bytea, $5::bytea, $6::int, $7::uuid,
            coalesce(json_agg(json_build_array(stream, key, version))::text, '[]')
        FROM marked HAVING $4 IS NOT NULL),
    told AS (
        INSERT INTO outbox (event_id, type, key, subject, sequence, payload, traceparent, occurred_at)
        SELECT event_id, type, e.key, subject, sequence, payload, $8, occurred_at
        FROM (SELECT count(*) FROM marked) AS locked,
            unnest($9::uuid[], $10::text[], $11::uuid[], $12::uuid[], $13::bigint[], $14::bytea[], $15::timestamptz[])
            WITH ORDINALITY AS e (event_id, type, key, subject, sequence, payload, occurred_at, place)
        ORDER BY place)
    SELECT stream, key, version FROM marked
"""  # noqa: S608 - the only thing put in is a constant


def tell(
    session: Session,
    dirtied: Collection[tuple[str, UUID]],
    answer: Answer | None,
    events: Sequence[tuple[DomainEvent, int]],
) -> list[Mark]:
    """Returns the marks, locked in one order for everybody: two writers never wait for each other in a circle.

    Raises:
        InvalidValue: an event is too large to be sent.
        Conflict: somebody else was answered under this key.
    """
    kept = (answer.digest, answer.body_digest, answer.status, answer.resource_id) if answer else (None,) * 4
    try:
        if dirtied or events:
            streams, keys = zip(*sorted(dirtied), strict=True) if dirtied else ((), ())
            told = traceparent(sampled_only=True), *kept, traceparent(), *columns(events)
            rows = within(session, TELL, streams, keys, *told)
        else:
            rows = within(session, KEEP_ALONE, *kept) if answer else ()
    except asyncpg.UniqueViolationError:
        raise Conflict("The same command was carried out a moment ago; ask again for its answer.") from None
    return [Mark(*row) for row in rows]
