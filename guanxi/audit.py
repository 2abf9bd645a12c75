"""`guanxi audit verify`: an app's audit trail held against its hashes, its signed heads, the copy and the topic."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from guanxi.audit_topic import Places
from libs.common.audit import GENESIS, link, signed_head
from libs.common.keyring import KeyRing

AT_ONCE = 2000
ON_ITS_WAY = timedelta(seconds=60)
"""So young an entry may not have arrived at the gateway yet."""

OWN = "SELECT chain, sequence, content, hash FROM audit_entries ORDER BY chain, sequence"
COPY = "SELECT chain, sequence, content, hash FROM edge.audit WHERE service = $1 ORDER BY chain, sequence"
OWN_PLACES = "SELECT chain, sequence, hash, written_at < $1 AS settled FROM audit_entries"
RETOLD = """
    SELECT chain, sequence FROM edge.audit CROSS JOIN LATERAL (SELECT content::jsonb AS c) AS said
    WHERE service = $1 AND (id::text, at, actor, permission, method, route, status, origin, trace_id, reason,
        follows::text, to_jsonb(thing_ids), to_jsonb(customer_ids), to_jsonb(terms)) IS DISTINCT FROM
        (c->>'id', (c->>'at')::timestamptz, c->>'actor', c->>'permission', c->>'method', c->>'route',
        (c->>'status')::int, c->>'origin', c->>'trace_id', c->>'reason', c->>'follows',
        c->'thing_ids', c->'customer_ids', c->'terms')
"""
FOREIGN = "SELECT chain, sequence FROM edge.audit WHERE service <> content::jsonb->>'service'"
COPY_PLACES = "SELECT chain, sequence, hash FROM edge.audit WHERE service = $1"
HEADS = "SELECT chain, sequence, hash, signature FROM {} ORDER BY chain, sequence"
HEADS_OF = "SELECT chain, sequence, hash, signature FROM edge.audit_heads WHERE chain = ANY($1)"
CHAIN_BACK = """
    INSERT INTO audit_chains AS c (chain, shipped, done) VALUES ($1, $2, true)
    ON CONFLICT (chain) DO UPDATE SET shipped = greatest(c.shipped, excluded.shipped)
"""
ENTRY_BACK = "INSERT INTO audit_entries (chain, sequence, content, hash) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
HEAD_BACK = "INSERT INTO audit_heads (chain, sequence, hash, signature) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
SNAPSHOT = {"isolation": "repeatable_read", "readonly": True}

Place = tuple[UUID, int]


@dataclass(frozen=True, order=True)
class Fault:
    """Something that does not fit. `sequence` is the place in the chain."""

    app: str
    chain: UUID
    sequence: int
    what: str

    def __str__(self) -> str:
        return f"{self.app}: chain {self.chain}, entry {self.sequence}: {self.what}"


@dataclass(frozen=True)
class Verified:
    entries: int
    heads: int
    faults: list[Fault]


async def verify(app: str, own: Any, gateway: Any, ring: KeyRing, on_topic: Places) -> Verified:
    """Read everything that an app and the gateway hold of its trail. Both connections are the owners'.

    The topic was read before and the copy is looked at first: what has arrived there stands in the app's own tables a
    moment later.
    """
    settled_before = datetime.now(UTC) - ON_ITS_WAY
    async with gateway.transaction(**SNAPSHOT):
        copied = {(r["chain"], r["sequence"]): r["hash"] for r in await gateway.fetch(COPY_PLACES, app)}
        async with own.transaction(**SNAPSHOT):
            mine = {(r["chain"], r["sequence"]): r for r in await own.fetch(OWN_PLACES, settled_before)}
            faults = [*_compared(app, mine, copied), *_told(app, mine, on_topic)]
            retold = [*await gateway.fetch(RETOLD, app), *await gateway.fetch(FOREIGN)]
            faults += [Fault(app, row[0], row[1], "the copy is not told as it was written") for row in retold]
            faults += [fault async for fault in _chained(app, "entry", own, OWN)]
            faults += [fault async for fault in _chained(app, "copy of it", gateway, COPY, app)]
            known = {**copied, **{place: row["hash"] for place, row in mine.items()}}
            chains = {chain for chain, _ in known}
            heads = list(await own.fetch(HEADS.format("audit_heads")))
            heads += [h for h in await gateway.fetch(HEADS.format("edge.audit_heads")) if h["chain"] in chains]
    faults += list(_headed(app, heads, known, ring))
    return Verified(len(known), len({(head["chain"], head["sequence"]) for head in heads}), sorted(set(faults)))


async def bring_back(app: str, own: Any, gateway: Any) -> int:
    """Write into an app's own trail what only the gateway's copy still holds; returns how many entries.

    After a restore from a backup that was too old. Both connections are the owners', and what stands is left as it is.
    """
    async with gateway.transaction(**SNAPSHOT), own.transaction():
        held = {(row["chain"], row["sequence"]) for row in await own.fetch(OWN_PLACES, datetime.now(UTC))}
        lacking, ends = [], dict[UUID, int]()
        async for row in gateway.cursor(COPY, app, prefetch=AT_ONCE):
            if (row["chain"], row["sequence"]) not in held:
                lacking.append(tuple(row))
                ends[row["chain"]] = row["sequence"]
        await own.executemany(CHAIN_BACK, ends.items())
        await own.executemany(ENTRY_BACK, lacking)
        await own.executemany(HEAD_BACK, [tuple(row) for row in await gateway.fetch(HEADS_OF, list(ends))])
    return len(lacking)


def _compared(app: str, mine: Mapping[Place, Any], copied: Mapping[Place, bytes]) -> Iterator[Fault]:
    """Where the app's own table and the copy differ."""
    for place in sorted({*mine, *copied}):
        if place not in mine:
            yield Fault(app, *place, "is missing here and stands in the gateway's copy")
        elif place in copied and copied[place] != mine[place]["hash"]:
            yield Fault(app, *place, "differs from the gateway's copy")
        elif place not in copied and mine[place]["settled"]:
            yield Fault(app, *place, "has not arrived at the gateway")


def _told(app: str, mine: Mapping[Place, Any], on_topic: Places) -> Iterator[Fault]:
    """What the topic still holds, and the app's own table does not, or otherwise."""
    for place, told in on_topic.items():
        if place not in mine:
            yield Fault(app, *place, "is missing here and stands on the topic")
        elif told != {mine[place]["hash"]}:
            yield Fault(app, *place, "differs from the topic")


async def _chained(app: str, what: str, connection: Any, query: str, *arguments: Any) -> AsyncIterator[Fault]:
    """Where an entry does not follow from the one before it."""
    place, head = (UUID(int=0), 0), GENESIS
    async for row in connection.cursor(query, *arguments, prefetch=AT_ONCE):
        chain, sequence = row["chain"], row["sequence"]
        before, head = (place[1], head) if chain == place[0] else (0, GENESIS)
        if sequence != before + 1:
            yield Fault(app, chain, before + 1, f"the {what} is missing")
        elif link(head, chain, sequence, row["content"].encode()) != row["hash"]:
            yield Fault(app, chain, sequence, f"the {what} was altered, or its place was")
        place, head = (chain, sequence), row["hash"]


def _headed(app: str, heads: list[Any], known: dict[Place, bytes], ring: KeyRing) -> Iterator[Fault]:
    """Heads that were not signed by the platform, or that no entry fits."""
    for head in heads:
        place = (head["chain"], head["sequence"])
        if signed_head(ring, *place, head["signature"]) != head["hash"]:
            yield Fault(app, *place, "the head is not signed by the platform")
        elif known.get(place) != head["hash"]:
            yield Fault(app, *place, "does not fit the signed head")
    last = {chain: max(s for _, s in places) for chain, places in _by_chain(known)}
    signed_to = {chain: max(s for _, s in places) for chain, places in _by_chain((h[0], h[1]) for h in heads)}
    for chain, sequence in last.items():
        if signed_to.get(chain, 0) < sequence:
            yield Fault(app, chain, sequence, "no signed head covers it")


def _by_chain(places: Iterable[Place]) -> Iterator[tuple[UUID, Iterator[Place]]]:
    return groupby(sorted(places), lambda place: place[0])
