"""The relay sends the outbox to Kafka in the order of its ids, then marks it sent: at least once, by design.

A record that can never be sent is parked with its reason; later rows of its key wait behind it and the rest goes on.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog
from aiokafka.errors import KafkaError

from libs.common.announcements import APART
from libs.common.held import REPEATED
from libs.common.kafka import NEVER_SENT, key_of
from libs.common.leader import Leadership
from libs.common.metrics import PUBLISHED
from libs.common.sender import Sender
from libs.common.topics import EPOCH_BEGUN
from libs.common.tracing import sending

log = structlog.get_logger()

BATCH = 500
POLL_SECONDS = 1.0
RETRY_SECONDS = 0.2

WAITING = """
    SELECT id, event_id, type, key, subject, sequence, payload, traceparent, occurred_at FROM outbox AS o
    WHERE published_at IS NULL AND parked_because IS NULL AND NOT EXISTS (
        SELECT FROM outbox AS p WHERE p.key = o.key AND p.published_at IS NULL AND p.parked_because IS NOT NULL)
    ORDER BY id LIMIT $1
"""
SENT = "UPDATE outbox SET published_at = clock_timestamp() WHERE id = ANY($1::bigint[])"
PARK = "UPDATE outbox SET parked_because = $2 WHERE id = $1"


@dataclass
class Relay:
    dsn: str
    topic: str
    sender: Sender

    async def run(self, leadership: Leadership) -> None:
        connection = await asyncpg.connect(self.dsn, timeout=5, server_settings=REPEATED)
        try:
            await self._announce_epoch()
            while True:
                pulses = leadership.pulses
                if await self.send_batch(connection, leadership) < BATCH:
                    await leadership.sleep(POLL_SECONDS, since=pulses)
        finally:
            connection.terminate()

    async def _announce_epoch(self) -> None:
        """To every partition: one that holds nothing of what is sent again would wait for it for ever."""
        if not self.sender.epoch:
            return
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", f"{self.topic}/epoch/{self.sender.epoch}".encode()),
            ("ce_source", source_of(self.topic).encode()),
            ("ce_type", EPOCH_BEGUN.encode()),
        ]
        for partition in await self.sender.partitions_for(self.topic):
            await self.sender.send(self.topic, b"{}", key=b"epoch", headers=headers, partition=partition)

    async def send_batch(self, connection: Any, leadership: Leadership) -> int:
        """Send one batch and mark what was acknowledged. Returns how many rows were waiting."""
        rows = await connection.fetch(WAITING, BATCH)
        if not rows:
            return 0
        leadership.check()
        results = await asyncio.gather(*[self._send(row) for row in rows], return_exceptions=True)
        sent = [row["id"] for row, result in zip(rows, results, strict=True) if result is None]
        await self.sender.store_ends(connection)
        await connection.execute(SENT, sent)
        PUBLISHED.labels(self.topic).inc(len(sent))
        for row, result in zip(rows, results, strict=True):
            if isinstance(result, NEVER_SENT):
                log.error("event parked", type=row["type"], cause=type(result).__name__)
                await connection.execute(PARK, row["id"], type(result).__name__)
        await self._pause_after_failure(results)
        return len(rows)

    async def _send(self, row: Any) -> None:
        topic = APART.get(row["type"], self.topic)
        with sending(topic, row["traceparent"]) as trace:
            headers = event_headers(self.topic, row, trace)
            await self.sender.send(topic, row["payload"], key=key_of(row["key"]), headers=headers)

    async def _pause_after_failure(self, results: list[Any]) -> None:
        failures = [r for r in results if isinstance(r, BaseException) and not isinstance(r, NEVER_SENT)]
        for failure in failures:
            if not isinstance(failure, KafkaError):
                raise failure
        if failures:
            # A producer can stick after an outage (aiokafka#1017): end the term, and begin the next with a new one.
            await asyncio.sleep(RETRY_SECONDS)
            raise failures[0]


def source_of(topic: str) -> str:
    return "/guanxi/" + topic.split(".")[1]


def event_headers(topic: str, row: Any, trace: str | None) -> list[tuple[str, bytes]]:
    """CloudEvents 1.0, Kafka protocol binding, binary mode."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(row["event_id"]).encode()),
        ("ce_type", row["type"].encode()),
        ("ce_source", source_of(topic).encode()),
        ("ce_time", row["occurred_at"].isoformat().encode()),
        ("ce_subject", str(row["subject"]).encode()),
        ("ce_sequence", str(row["sequence"]).encode()),
        ("content-type", b"application/json"),
    ]
    return [*headers, ("traceparent", trace.encode())] if trace else headers
