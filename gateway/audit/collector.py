"""Every app's audit trail as it arrives, kept at the gateway. What is there is never replaced by what comes later."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from libs.common.consumer import FETCH_MILLISECONDS, headers_of
from libs.common.kafka import commit_offsets, id_of
from libs.common.metrics import AUDIT_REFUSED
from libs.common.topics import AUDIT_ENTRY, AUDIT_HEAD
from libs.common.transient import passing

log = structlog.get_logger()

BATCH = 1000
RETRY_SECONDS = 0.5

ENTRIES = """
    INSERT INTO edge.audit
    SELECT e.chain, e.sequence, (c->>'id')::uuid, (c->>'at')::timestamptz, c->>'service', c->>'actor', c->>'permission',
           c->>'method', c->>'route', (c->>'status')::int, c->>'origin', c->>'trace_id', c->>'reason',
           ARRAY(SELECT jsonb_array_elements_text(c->'thing_ids')::uuid),
           ARRAY(SELECT jsonb_array_elements_text(c->'customer_ids')::uuid),
           ARRAY(SELECT jsonb_array_elements_text(c->'terms')), e.content, e.hash
    FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bytea[]) AS e (chain, sequence, content, hash)
    CROSS JOIN LATERAL (SELECT e.content::jsonb AS c) AS parsed
    ON CONFLICT DO NOTHING
"""
HEADS = """
    INSERT INTO edge.audit_heads SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::text[])
    ON CONFLICT DO NOTHING
"""


@dataclass
class AuditCollector:
    dsn: str
    consumer: AIOKafkaConsumer
    _held: Any = None

    async def run(self) -> None:
        await self.consumer.start()
        try:
            while True:
                fetched = await self.consumer.getmany(timeout_ms=FETCH_MILLISECONDS, max_records=BATCH)
                records = [record for part in fetched.values() for record in part]
                if records:
                    await self._store(records)
                await commit_offsets(self.consumer, fetched)
        finally:
            self._hang_up()
            await self.consumer.stop()

    async def _store(self, records: list[ConsumerRecord]) -> None:
        while True:
            try:
                if self._held is None or self._held.is_closed():
                    self._held = await asyncpg.connect(self.dsn, timeout=5)
                await store(self._held, records)
            except Exception as error:  # noqa: BLE001 - what does not pass is looked at record by record
                if not passing(error):
                    await self._store_apart(records, error)
                    return
                log.warning("audit waits for its database", cause=type(error).__name__)
                self._hang_up()
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _store_apart(self, records: list[ConsumerRecord], error: Exception) -> None:
        """What the database itself refuses is left out, and holds up nobody else's."""
        if len(records) > 1:
            for record in records:
                await self._store([record])
            return
        AUDIT_REFUSED.inc()
        log.error("no audit record", position=records[0].offset, error=type(error).__name__)

    def _hang_up(self) -> None:
        if self._held is not None:
            self._held.terminate()
            self._held = None


async def store(connection: Any, records: list[ConsumerRecord]) -> None:
    """One transaction; a record that is none of ours is counted, told, and left out."""
    entries: list[tuple[UUID, int, str, bytes]] = []
    heads: list[tuple[UUID, int, bytes, str]] = []
    for record in records:
        try:
            _sort(record, entries, heads)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            AUDIT_REFUSED.inc()
            log.error("no audit record", partition=record.partition, position=record.offset, error=type(error).__name__)
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
