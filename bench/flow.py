"""The way of what happened: from the outbox to Kafka, from Kafka into the view, from a commit to whoever reads."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import median, quantiles
from typing import NamedTuple
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import orjson
from aiokafka import AIOKafkaProducer

from bench.figures import Figure
from bench.ground import Ground, stop
from bench.load import cpu_seconds
from gateway.view.tables import COPIES
from libs.common.copies import BATCH, apply
from libs.common.kafka import key_of, new_consumer, new_producer
from libs.common.leader import Leadership
from libs.common.reader import new_reader
from libs.common.relay import BATCH as AT_ONCE
from libs.common.relay import Relay, event_headers
from libs.common.sender import Sender
from libs.contracts import customer

EVENTS, DOCUMENTS, KEYS = 10_000, 60_000, 20_000
EACH_SECOND, SECONDS = 50, 6.0
VISIBLE_P50, VISIBLE_P99 = 25.0, 75.0
"""Milliseconds: the bars."""
PAYLOAD = (
    b'{"occurred_at":"2026-03-02T09:30:00Z","customer_id":"01938c9a-7c00-7000-8000-000000000001","status":"active"}'
)

FILL = """
    INSERT INTO outbox (event_id, type, key, subject, sequence, payload, occurred_at)
    SELECT gen_random_uuid(), 'crm.customer.activated.v1', k, k, n, $2, now()
    FROM (SELECT gen_random_uuid() AS k, n FROM generate_series(1, $1) AS n) AS made
"""
MARKED = (
    "SELECT key, marked_at FROM publication_marks WHERE stream = 'crm.section.customer.v1' AND key = ANY($1::uuid[])"
)
# Told as the row is committed: to ask for it again and again would take the processor that the way needs.
TELL_SEEN = """
    CREATE FUNCTION bench.tell_seen() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_notify('seen', NEW.customer_id::text); RETURN NULL; END $$;
    CREATE TRIGGER seen AFTER INSERT ON view.sections
        FOR EACH ROW WHEN (NEW.section = 'profile') EXECUTE FUNCTION bench.tell_seen();
    GRANT EXECUTE ON FUNCTION bench.tell_seen TO gateway_app
"""


class _Leading(Leadership):
    def __init__(self) -> None:
        super().__init__(None)

    @property
    def lapsed(self) -> bool:
        return False


@asynccontextmanager
async def _producing(ground: Ground, app: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = new_producer(ground.settings(app))
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


class Pace(NamedTuple):
    """So many in a second, at so many microseconds of this process each."""

    rate: float
    cpu: float


@dataclass
class _Watch:
    """From when it is made."""

    began: float = field(default_factory=time.perf_counter)
    spent: float = field(default_factory=time.process_time)

    def pace(self, done: int) -> Pace:
        return Pace(done / (time.perf_counter() - self.began), (time.process_time() - self.spent) / done * 1e6)


Work = Callable[[], Awaitable[Pace]]


async def _in_turn(what: str, unit: str, measured: Work, floor: Work, *, count: int, goal: float) -> Figure:
    """By medians of what each says; the first round of each warms up."""
    taken: tuple[list[Pace], list[Pace]] = ([], [])
    for _ in range(count + 1):
        for work, kept in zip((measured, floor), taken, strict=True):
            kept.append(await work())
    (rate, cpu), (beside, floor_cpu) = ([median(each) for each in zip(*kept[1:], strict=True)] for kept in taken)
    return Figure(what, unit, rate, beside, goal, cpu=cpu, floor_cpu=floor_cpu)


async def relayed(ground: Ground, *, count: int) -> Figure:
    """Events a second from the outbox, beside the same records produced alone, so many at once."""
    owner = await asyncpg.connect(ground.url("customer", "owner"))
    connection = await asyncpg.connect(ground.url("customer", "app"))
    async with _producing(ground, "customer") as producer:
        relay = Relay(ground.url("customer", "app"), customer.EVENTS.name, Sender(producer))

        async def from_outbox() -> Pace:
            await owner.execute("DELETE FROM outbox")
            await owner.execute(FILL, EVENTS, PAYLOAD)
            watch = _Watch()
            while await relay.send_batch(connection, _Leading()):
                pass
            return watch.pace(EVENTS)

        async def alone() -> Pace:
            rows = await owner.fetch("SELECT * FROM outbox")
            records = [(key_of(row["key"]), event_headers(customer.EVENTS.name, row, None)) for row in rows]
            watch, send = _Watch(), partial(producer.send, customer.EVENTS.name, PAYLOAD)
            for first in range(0, EVENTS, AT_ONCE):
                some = records[first : first + AT_ONCE]
                await asyncio.gather(*[await send(key=key, headers=headers) for key, headers in some])
            return watch.pace(EVENTS)

        what = "relay / produce alone, 500 at once"
        found = await _in_turn(what, "events/s", from_outbox, alone, count=count, goal=0.45)
    await owner.close()
    await connection.close()
    return found


async def projected(ground: Ground, *, count: int) -> Figure:
    """Small documents a second into the view, beside the same topic consumed and parsed, and no more."""
    topic, settings = customer.SECTION.name, ground.settings("gateway")
    keys = [uuid4() for _ in range(KEYS)]
    await _publish(ground, topic, keys)
    owner = await asyncpg.connect(ground.url("gateway", "owner"))

    async def into_the_view() -> Pace:
        await owner.execute("DELETE FROM view.sections WHERE customer_id = ANY($1)", keys)
        reader = new_reader(settings, f"bench {uuid4()}", topic)

        async def read() -> int:
            if records := await reader.read(BATCH):
                work = partial(apply, schema="view", copies=COPIES, records=records)
                await reader.effects.patiently(work)
            await reader.handled()
            return len(records)

        async with reader.reading():
            return await _rate(read)

    async def alone() -> Pace:
        consumer = new_consumer(settings, topic, group=None)

        async def read() -> int:
            fetched = await consumer.getmany(timeout_ms=500, max_records=BATCH)
            values = [record.value for records in fetched.values() for record in records]
            return len([orjson.loads(value) if value.startswith(b"{") else None for value in values])  # or a watermark

        await consumer.start()
        try:
            return await _rate(read)
        finally:
            await consumer.stop()

    what = "projector / consume alone"
    found = await _in_turn(what, "documents/s", into_the_view, alone, count=count, goal=0.10)
    await owner.close()
    return found


async def _rate(read: Callable[[], Awaitable[int]]) -> Pace:
    """Documents a second, from the first batch on: before it, a group was joined and a fetch was under way."""
    first = 0
    while not first:
        first = await read()
    done, watch = first, _Watch()
    while done < DOCUMENTS:
        done += await read()
    return watch.pace(done - first)


async def _publish(ground: Ground, topic: str, keys: Sequence[UUID]) -> None:
    async with _producing(ground, "customer") as producer:
        for first in range(0, DOCUMENTS, AT_ONCE):
            sending = [_document(producer, topic, keys[n % KEYS], n) for n in range(first, first + AT_ONCE)]
            await asyncio.gather(*sending)


async def _document(producer: AIOKafkaProducer, topic: str, key: UUID, version: int) -> None:
    headers = [("ce_sequence", str(version).encode()), ("ce_time", b"2026-03-02T09:30:00+00:00")]
    document = b'{"staff": {"name": "x", "holdings": []}, "self": {"name": "x", "holdings": []}}'
    await (await producer.send(topic, document, key=key_of(key), headers=headers))


@dataclass
class _Way:
    """Registrations, and when each stood in the view."""

    customer: aiohttp.ClientSession
    body: dict[str, str]
    made: set[UUID] = field(default_factory=set)
    seen: dict[UUID, float] = field(default_factory=dict)

    async def register(self) -> None:
        told = {"Idempotency-Key": str(uuid4())}
        async with self.customer.post("/api/v1/customers", json=self.body, headers=told) as answer:
            if not answer.ok:
                raise RuntimeError(f"{answer.status} {await answer.text()}")
            self.made.add(UUID((await answer.json())["id"]))

    def heard(self, *told: object) -> None:
        self.seen[UUID(str(told[-1]))] = time.time()

    async def saw_all(self) -> None:
        while not self.made <= self.seen.keys():  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(0.05)

    async def register_in_time(self, count: int) -> None:
        began, commands = time.perf_counter(), []
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / EACH_SECOND - time.perf_counter()))
            commands.append(asyncio.create_task(self.register()))
        await asyncio.gather(*commands)


async def visible(ground: Ground, *, count: int) -> list[Figure]:
    """From the mark of a registration, which is just before its commit, until its profile stands in the view."""
    port, served = await ground.serve("customer", 13, works=True)
    _, gateway = await ground.serve("gateway", 14, {"GUANXI_UPSTREAMS": "{}"}, works=True)
    headers = {"Authorization": f"Bearer {ground.token('teller')}"}
    body = {"name": "张伟", "home_unit_id": str(ground.customers[0])}
    own, view = [await asyncpg.connect(ground.url(app, "owner")) for app in ("customer", "gateway")]
    await view.execute(TELL_SEEN)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as session:
        way = _Way(session, body)
        await view.add_listener("seen", way.heard)
        pids = served.pid, gateway.pid
        taken = [await _round(way, own, pids) for _ in range(count + 1)][1:]  # the first: groups join, plans are made
    await view.execute("DROP FUNCTION bench.tell_seen CASCADE")
    for each in (own, view):
        await each.close()
    for process in (served, gateway):
        await stop(process)
    p50, p99, cpu = (median(each) for each in zip(*taken, strict=True))
    return [
        Figure("commit → visible at 50/s, p50 / its bar", "ms", p50, VISIBLE_P50, 1.0, most=True, cpu=cpu),
        Figure("commit → visible at 50/s, p99 / its bar", "ms", p99, VISIBLE_P99, 1.0, most=True, cpu=cpu),
    ]


async def _round(way: _Way, own: asyncpg.Connection, pids: Sequence[int]) -> tuple[float, float, float]:
    """Milliseconds: the median, and p99. Microseconds of both apps for each, with all else that they do meanwhile."""
    way.made.clear()
    way.seen.clear()
    count, spent = int(EACH_SECOND * SECONDS), sum(map(cpu_seconds, pids))
    async with asyncio.timeout(120):
        await way.register_in_time(count)
        await way.saw_all()
    marked = {row["key"]: row["marked_at"].timestamp() for row in await own.fetch(MARKED, list(way.made))}
    took = [(way.seen[key] - at) * 1000 for key, at in marked.items()]
    return median(took), quantiles(took, n=100)[-1], (sum(map(cpu_seconds, pids)) - spent) / count * 1e6
