"""Audit entries and heads on their way to `crm.audit.v1`: in a chain's order, again after a crash, never out of it."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import orjson

from libs.common.audit import CHAIN_LASTS_SECONDS
from libs.common.held import REPEATED, Plans
from libs.common.kafka import key_of
from libs.common.leader import Leadership
from libs.common.publisher import to_its_end
from libs.common.sender import Record, Sender
from libs.common.topics import AUDIT, AUDIT_ENTRY, AUDIT_HEAD

BATCH = 500
POLL_SECONDS = 1.0
OVER = timedelta(seconds=4 * CHAIN_LASTS_SECONDS)
"""So old, a chain grows no more."""

LASTING = "SELECT chain, shipped FROM audit_chains WHERE NOT done ORDER BY chain"
WAITING = """
    SELECT e.sequence, e.content, e.hash, h.hash AS head, h.signature
    FROM audit_entries AS e LEFT JOIN audit_heads AS h USING (chain, sequence)
    WHERE e.chain = $1 AND e.sequence > $2 ORDER BY e.sequence LIMIT $3
"""
SHIPPED = "UPDATE audit_chains SET shipped = $2 WHERE chain = $1"
DONE = """
    UPDATE audit_chains AS c SET done = true WHERE NOT done AND begun_at < now() - $1::interval AND NOT EXISTS (
        SELECT FROM audit_entries AS e WHERE e.chain = c.chain AND e.sequence > c.shipped)
"""


@dataclass
class AuditShipper:
    dsn: str
    sender: Sender
    source: str

    async def run(self, leadership: Leadership) -> None:
        connection = await asyncpg.connect(self.dsn, timeout=5, server_settings=REPEATED)
        plans = Plans()
        try:
            while True:
                await plans.renew(connection)
                if await self.ship(connection, leadership) < BATCH:
                    await connection.execute(DONE, OVER)
                    await asyncio.sleep(POLL_SECONDS)
        finally:
            connection.terminate()

    async def ship(self, connection: Any, leadership: Leadership) -> int:
        """Ship what waits, a batch of each chain; returns how many entries."""
        shipped = 0
        for chain, sent in await connection.fetch(LASTING):
            rows = await connection.fetch(WAITING, chain, sent, BATCH)
            if rows:
                leadership.check()
                await to_its_end(self._send_all(connection, chain, rows))
                shipped += len(rows)
        return shipped

    async def _send_all(self, connection: Any, chain: Any, rows: list[Any]) -> None:
        records = []
        for row in rows:
            records.append(self._record(chain, AUDIT_ENTRY, row, row["content"].encode()))
            if row["head"] is not None:
                head = {"hash": row["head"].hex(), "signature": row["signature"]}
                records.append(self._record(chain, AUDIT_HEAD, row, orjson.dumps(head)))
        await self.sender.send(*records)
        await self.sender.store(connection, SHIPPED, chain, rows[-1]["sequence"])

    def _record(self, chain: Any, type_: str, row: Any, value: bytes) -> Record:
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", f"{chain}/{row['sequence']}/{type_}".encode()),
            ("ce_type", type_.encode()),
            ("ce_source", self.source.encode()),
            ("ce_subject", str(chain).encode()),
            ("ce_sequence", str(row["sequence"]).encode()),
            ("hash", row["hash"].hex().encode()),
        ]
        return Record(AUDIT.name, value, key_of(chain), headers)
