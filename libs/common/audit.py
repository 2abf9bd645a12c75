"""Who looked at whom, asked what and changed what: written durably before the answer goes out, in a chain of hashes.

Each process writes a chain of its own, several requests in one commit. A head is a chain's newest hash, signed: rows
that are edited, reordered or cut off no longer fit it. Heads and rows are shipped to `crm.audit.v1` as they are made.
"""

import asyncio
import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import structlog

from libs.common.ids import new_id
from libs.common.keyring import BadSignature, KeyRing

log = structlog.get_logger()

GENESIS = bytes(32)
PURPOSE = "audit heads"
LONGEST_WAIT_SECONDS = 5
CHAIN_LASTS_SECONDS = 12 * 3600
"""Then another begins, so that one which is older than a day or two has come to its end."""

# One statement, so one round trip and one commit: a read waits for it.
APPEND = """
    WITH begun AS (INSERT INTO audit_chains (chain) SELECT $1 WHERE $4),
    entries AS (
        INSERT INTO audit_entries (chain, sequence, content, hash)
        SELECT $1, e.sequence, e.content, e.hash
        FROM unnest($2::bigint[], $3::text[], $5::bytea[]) AS e (sequence, content, hash))
    INSERT INTO audit_heads (chain, sequence, hash, signature) VALUES ($1, $6, $7, $8)
"""


@dataclass(kw_only=True)
class Entry:
    """One request of one caller: who, whom, why, from where. `status` is the HTTP status that it was answered with.

    `thing_ids` are what was asked for or shown, `customer_ids` whose they are; `terms` are search terms as a blind
    index. A change is written before it is committed, so that none is without its entry. What was written ahead and
    ended otherwise is followed by another, whose `follows` is the id of the first.
    """

    at: datetime
    service: str
    actor: str
    permission: str
    method: str
    route: str
    origin: str
    trace_id: str
    reason: str | None = None
    status: int = 0
    thing_ids: list[UUID] = field(default_factory=list)
    customer_ids: list[UUID] = field(default_factory=list)
    terms: list[str] = field(default_factory=list)
    follows: UUID | None = None
    id: UUID = field(default_factory=new_id)

    def content(self) -> bytes:
        """The bytes that are hashed and stored."""
        # A driver's own kind of UUID is none to orjson: as text they are alike.
        return orjson.dumps(self.__dict__, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)


def link(previous: bytes, chain: UUID, sequence: int, content: bytes) -> bytes:
    """The hash of an entry: of the one before it, of its place, and of what it says."""
    return hashlib.sha256(previous + chain.bytes + sequence.to_bytes(8, "big") + content).digest()


def sign_head(ring: KeyRing, chain: UUID, sequence: int, head: bytes) -> str:
    return ring.sign(PURPOSE, head, bound_to=_place(chain, sequence))


def signed_head(ring: KeyRing, chain: UUID, sequence: int, signature: str) -> bytes | None:
    """What was signed there; None where the ring did not sign it."""
    try:
        return ring.verify(PURPOSE, signature, bound_to=_place(chain, sequence))
    except BadSignature:
        return None


def _place(chain: UUID, sequence: int) -> bytes:
    return chain.bytes + sequence.to_bytes(8, "big")


class NotWritten(Exception):
    """The entry may not be stored, so nothing may be answered."""


class AuditTrail:
    """Appends entries to this process's chain. Whoever waits shares one commit with everybody who waits as well."""

    def __init__(self, dsn: str, ring: KeyRing) -> None:
        self._dsn, self._ring = dsn, ring
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._connection: Any = None
        self._begin_chain()

    async def write(self, entry: Entry) -> None:
        """Return once the entry is durable.

        Raises:
            NotWritten: the database did not take it.
        """
        await self.begin(entry)

    def begin(self, entry: Entry) -> "asyncio.Future[None]":
        """Write as `write` does, while the caller does something else."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry.content(), done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_waiting())
        return done

    async def close(self) -> None:
        if self._writer is not None:
            await asyncio.gather(self._writer, return_exceptions=True)
        if self._connection is not None:
            self._connection.terminate()

    def _begin_chain(self) -> None:
        self._chain, self._sequence, self._head = new_id(), 0, GENESIS
        self._begun = time.monotonic()

    async def _write_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await self._append([content for content, _ in batch])
            except Exception as error:  # noqa: BLE001 - whatever it is, these entries are not known to be stored
                log.error("audit entries not written", entries=len(batch), error=type(error).__name__)
                self._give_up()
                _answer((done for _, done in batch), NotWritten())
            else:
                _answer((done for _, done in batch), None)

    def _give_up(self) -> None:
        """What became of the last rows is unknown: go on in another chain, on another connection."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
        self._begin_chain()

    async def _append(self, contents: list[bytes]) -> None:
        if time.monotonic() - self._begun > CHAIN_LASTS_SECONDS:
            self._begin_chain()
        connection = await self._connected()
        first, head, hashes = self._sequence + 1, self._head, []
        for sequence, content in enumerate(contents, first):
            head = link(head, self._chain, sequence, content)
            hashes.append(head)
        last = first + len(contents) - 1
        texts, sequences = [content.decode() for content in contents], range(first, last + 1)
        signature = sign_head(self._ring, self._chain, last, head)
        values = (self._chain, sequences, texts, first == 1, hashes, last, head, signature)
        await connection.execute(APPEND, *values, timeout=LONGEST_WAIT_SECONDS)
        self._sequence, self._head = last, head

    async def _connected(self) -> Any:
        if self._connection is None or self._connection.is_closed():
            # A statement that the driver keeps too long is prepared anew, and then one wait of its own has no limit.
            self._connection = await asyncpg.connect(
                self._dsn, timeout=LONGEST_WAIT_SECONDS, max_cached_statement_lifetime=0
            )
        return self._connection


def _answer(waiting: Iterable["asyncio.Future[None]"], error: Exception | None) -> None:
    for done in waiting:
        if done.done():  # whoever asked has gone
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
