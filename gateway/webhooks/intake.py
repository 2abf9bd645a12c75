"""From events to deliveries: which webhooks are told of an event, decided once consents are known as far as it.

An event waits until the directory is complete up to the moment when it came in: a consent that was given before it,
or withdrawn, then counts (and one that came within that second after it). Whether a partner may be told is asked once
more when it is sent.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from aiokafka import ConsumerRecord

from gateway.webhooks.webhook import OFFERED
from libs.common.collector import refuse
from libs.common.kafka import headers_of
from libs.common.outbox import adapter
from libs.contracts import customer

TOPICS = (customer.EVENTS.name,)
EVENTS = {event.type: event for event in OFFERED}
AT_ONCE = 1000
SKEW = timedelta(seconds=1)
"""How far apart the clocks of the gateway's database and of those who tell watermarks may be."""

# Only of types that somebody asked for: a bank without webhooks stores nothing.
STORE = """
    INSERT INTO edge.webhook_events (event_id, type, customer_id, subject, sequence, party, occurred_at, received_at)
    SELECT e.*, clock_timestamp()
    FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::bigint[], $6::text[], $7::timestamptz[])
         AS e (event_id, type, customer_id, subject, sequence, party, occurred_at)
    WHERE EXISTS (SELECT FROM edge.webhooks AS w WHERE w.status <> 'ended' AND e.type = ANY(w.types))
    ON CONFLICT DO NOTHING
"""
COMPLETE = "SELECT min(as_of) FROM directory.watermarks WHERE topic = $1"
# A delivery begins behind what waits for its customer: what follows one that is tried later is not looked at before.
SPREAD = """
    WITH taken AS (
        DELETE FROM edge.webhook_events WHERE place IN (
            SELECT place FROM (SELECT place, received_at FROM edge.webhook_events ORDER BY place LIMIT $2) AS oldest
            WHERE received_at <= $1)
        RETURNING *),
    told AS (
        INSERT INTO edge.webhook_deliveries (id, version, webhook_id, event_id, type, customer_id, subject, sequence,
                                             occurred_at, place, status, tries, due_at, waits_since)
        SELECT uuidv7(), 1, w.id, t.event_id, t.type, t.customer_id, t.subject, t.sequence,
               t.occurred_at, t.place, 'waiting', 0, greatest(now(), (
                   SELECT max(d.due_at) FROM edge.webhook_deliveries AS d
                   WHERE d.webhook_id = w.id AND d.customer_id = t.customer_id AND d.status = 'waiting')), now()
        FROM taken AS t
        JOIN edge.webhooks AS w ON w.status <> 'ended' AND t.type = ANY(w.types) AND t.occurred_at >= w.created_at
                               AND (t.party IS NULL OR t.party = w.partner)
        JOIN directory.customers AS c ON c.customer_id = t.customer_id AND w.partner = ANY(c.partner_consents)
        ORDER BY t.place
        ON CONFLICT DO NOTHING)
    SELECT count(*) FROM taken
"""


async def store(connection: Any, records: list[ConsumerRecord]) -> None:
    rows = []
    for record in records:
        try:
            rows += _rows(record)
        except (ValueError, KeyError) as error:
            refuse(record, error)
    if rows:
        await connection.execute(STORE, *zip(*rows, strict=True))


def _rows(record: ConsumerRecord) -> list[tuple[Any, ...]]:
    """One for each customer whom it concerns."""
    headers = headers_of(record)
    if (type_ := headers.get("ce_type", "")) not in EVENTS:
        return []
    event = adapter(EVENTS[type_]).validate_json(record.value)
    party = event.party if isinstance(event, customer.ConsentEvent) else None
    told = UUID(headers["ce_id"]), type_
    about = event.subject, int(headers["ce_sequence"]), party, event.occurred_at
    return [(*told, customer_id, *about) for customer_id in event.customers()]


async def spread(connection: Any) -> int:
    """Make deliveries of the events whose time has come; returns how many events."""
    complete = await connection.fetchval(COMPLETE, customer.REFERENCE.name)
    return await connection.fetchval(SPREAD, complete - SKEW, AT_ONCE) if complete else 0
