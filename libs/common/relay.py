"""The relay sends the outbox to Kafka in the order of its ids, then marks it sent: at least once, by design.

A record that can never be sent is parked with its reason; later rows of its key wait behind it and the rest goes on.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import asyncpg
import structlog
from aiokafka.errors import KafkaError

from libs.common.announcements import APART
from libs.common.held import REPEATED, Plans
from libs.common.kafka import NEVER_SENT, key_of
from libs.common.leader import Leadership
from libs.common.metrics import PUBLISHED
from libs.common.sender import Headers, Record, Sender
from libs.common.topics import EPOCH_BEGUN

log = structlog.get_logger()

BATCH = 500
POLL_SECONDS = 1.0
RETRY_SECONDS = 0.2
PAUSE_SECONDS = 0.05
"""Behind a batch that was not full: what comes meanwhile goes together, and is handled together (ADR 0023)."""

BY_INDEX = {**REPEATED, "enable_sort": "off"}
"""The planner knows an old length of the queue: it would sort all that waits for each batch, and not use the index."""

WAITING = """
    SELECT id, event_id, type, key, subject, sequence, payload, traceparent, occurred_at FROM outbox
    WHERE published_at IS NULL AND parked_because IS NULL AND key NOT IN (
        SELECT key FROM outbox WHERE published_at IS NULL AND parked_because IS NOT NULL)
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
        connection = await asyncpg.connect(self.dsn, timeout=5, server_settings=BY_INDEX)
        plans = Plans()
        try:
            await self._announce_epoch()
            while True:
                await plans.renew(connection)
                pulses = leadership.pulses
                waiting = await self.send_batch(connection, leadership)
                if 0 < waiting < BATCH:
                    await asyncio.sleep(PAUSE_SECONDS)
                if waiting < BATCH:
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
        partitions = await self.sender.partitions_for(self.topic)
        await self.sender.send(*(Record(self.topic, b"{}", b"epoch", headers, partition=p) for p in partitions))

    async def send_batch(self, connection: Any, leadership: Leadership) -> int:
        """Send one batch and mark what was acknowledged. Returns how many rows were waiting."""
        rows = await connection.fetch(WAITING, BATCH)
        if not rows:
            return 0
        leadership.check()
        results = await self.sender.send_each([self._record(row) for row in rows])
        sent = [row["id"] for row, result in zip(rows, results, strict=True) if result is None]
        await self.sender.store(connection, SENT, sent)
        PUBLISHED.labels(self.topic).inc(len(sent))
        for row, result in zip(rows, results, strict=True):
            if isinstance(result, NEVER_SENT):
                log.error("event parked", type=row["type"], cause=type(result).__name__)
                await connection.execute(PARK, row["id"], type(result).__name__)
        await self._pause_after_failure(results)
        return len(rows)

    def _record(self, row: Any) -> Record:
        topic, headers = APART.get(row["type"], self.topic), event_headers(self.topic, row)
        return Record(topic, row["payload"], key_of(row["key"]), headers, row["traceparent"])

    async def _pause_after_failure(self, results: Sequence[BaseException | None]) -> None:
        failures = [failure for failure in results if failure is not None and not isinstance(failure, NEVER_SENT)]
        for failure in failures:
            if not isinstance(failure, KafkaError):
                raise failure
        if failures:
            # A producer can stick after an outage (aiokafka#1017): end the term, and begin the next with a new one.
            await asyncio.sleep(RETRY_SECONDS)
            raise failures[0]


def source_of(topic: str) -> str:
    return "/guanxi/" + topic.split(".")[1]


def event_headers(topic: str, row: Any) -> Headers:
    """CloudEvents 1.0, Kafka protocol binding, binary mode."""
    return [
        *_alike(topic, row["type"]),
        ("ce_id", str(row["event_id"]).encode()),
        ("ce_time", row["occurred_at"].isoformat().encode()),
        ("ce_subject", str(row["subject"]).encode()),
        ("ce_sequence", str(row["sequence"]).encode()),
    ]


@cache
def _alike(topic: str, type_: str) -> Headers:
    """What all events of a type say."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_type", type_.encode()),
        ("ce_source", source_of(topic).encode()),
        ("content-type", b"application/json"),
    ]
