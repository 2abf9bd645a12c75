"""Every app's audit trail as it arrives, kept at the gateway. What is there is never replaced by what comes later."""

from typing import Any
from uuid import UUID

import orjson
from aiokafka import ConsumerRecord

from libs.common.collector import refuse
from libs.common.kafka import headers_of, id_of
from libs.common.topics import AUDIT_ENTRY, AUDIT_HEAD

ENTRIES = """
    INSERT INTO edge.audit
    SELECT e.chain, e.sequence, (c->>'id')::uuid, (c->>'at')::timestamptz, c->>'service', c->>'actor', c->>'permission',
           c->>'method', c->>'route', (c->>'status')::int, c->>'origin', c->>'trace_id', c->>'reason',
           ARRAY(SELECT jsonb_array_elements_text(c->'thing_ids')::uuid),
           ARRAY(SELECT jsonb_array_elements_text(c->'customer_ids')::uuid),
           ARRAY(SELECT jsonb_array_elements_text(c->'terms')), e.content, e.hash,
           (c->>'follows')::uuid
    FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bytea[]) AS e (chain, sequence, content, hash)
    CROSS JOIN LATERAL (SELECT e.content::jsonb AS c) AS parsed
    ON CONFLICT DO NOTHING
"""
HEADS = """
    INSERT INTO edge.audit_heads SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::text[])
    ON CONFLICT DO NOTHING
"""


async def store(connection: Any, records: list[ConsumerRecord]) -> None:
    """One transaction; a record that is none of ours is counted, told, and left out."""
    entries: list[tuple[UUID, int, str, bytes]] = []
    heads: list[tuple[UUID, int, bytes, str]] = []
    for record in records:
        try:
            _sort(record, entries, heads)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            refuse(record, error)
    async with connection.transaction():
        for statement, rows in ((ENTRIES, entries), (HEADS, heads)):
            if rows:
                await connection.execute(statement, *zip(*rows, strict=True))


def _sort(
    record: ConsumerRecord, entries: list[tuple[UUID, int, str, bytes]], heads: list[tuple[UUID, int, bytes, str]]
) -> None:
    headers = headers_of(record)
    chain, sequence, hash_ = id_of(record), int(headers["ce_sequence"]), bytes.fromhex(headers["hash"])
    match headers["ce_type"]:
        case str(type_) if type_ == AUDIT_ENTRY:
            UUID(orjson.loads(record.value)["id"])
            entries.append((chain, sequence, record.value.decode(), hash_))
        case str(type_) if type_ == AUDIT_HEAD:
            heads.append((chain, sequence, hash_, str(orjson.loads(record.value)["signature"])))
        case _:
            raise ValueError
