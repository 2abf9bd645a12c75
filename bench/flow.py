"""The way of what happened: from the outbox to Kafka, from Kafka into the view, from a commit to whoever reads."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import median, quantiles
from uuid import UUID, uuid4

import aiohttp
import asyncpg
from aiokafka import AIOKafkaProducer

from bench.figures import Figure
from bench.ground import Ground, stop
from gateway.view.tables import COPIES
from libs.common.copies import BATCH, apply
from libs.common.kafka import key_of, new_consumer, new_producer
from libs.common.leader import Leadership
from libs.common.reader import new_reader
from libs.common.relay import BATCH as AT_ONCE
from libs.common.relay import Relay
from libs.common.sender import Sender
from libs.contracts import customer

EVENTS, DOCUMENTS, KEYS = 10_000, 20_000, 2_000
EACH_SECOND, SECONDS = 50, 8.0
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
SEEN = "SELECT customer_id FROM view.sections WHERE section = 'profile' AND customer_id = ANY($1::uuid[])"


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


async def _in_turn(
    measured: Callable[[], Awaitable[float]], floor: Callable[[], Awaitable[float]], count: int
) -> tuple[float, float]:
    """Medians of what each says; the first round of each warms up."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(count + 1):
        for work, kept in zip((measured, floor), taken, strict=True):
            kept.append(await work())
    return median(taken[0][1:]), median(taken[1][1:])


async def relayed(ground: Ground, *, count: int) -> Figure:
    """Events a second from the outbox, beside the same records produced alone, so many at once."""
    owner = await asyncpg.connect(ground.url("customer", "owner"))
    connection = await asyncpg.connect(ground.url("customer", "app"))
    async with _producing(ground, "customer") as producer:
        relay = Relay(ground.url("customer", "app"), customer.EVENTS.name, Sender(producer))

        async def from_outbox() -> float:
            await owner.execute("DELETE FROM outbox")
            await owner.execute(FILL, EVENTS, PAYLOAD)
            began = time.perf_counter()
            while await relay.send_batch(connection, _Leading()):
                pass
            return EVENTS / (time.perf_counter() - began)

        async def alone() -> float:
            sender, began = Sender(producer), time.perf_counter()
            headers = [("ce_id", b"0" * 36), ("ce_type", b"crm.customer.activated.v1")]
            for _ in range(EVENTS // AT_ONCE):
                keys = [key_of(uuid4()) for _ in range(AT_ONCE)]
                send = partial(sender.send, customer.EVENTS.name, PAYLOAD, headers=headers)
                await asyncio.gather(*[send(key=key) for key in keys])
            return EVENTS / (time.perf_counter() - began)

        rate, floor = await _in_turn(from_outbox, alone, count)
    await owner.close()
    await connection.close()
    return Figure("relay / produce alone, 500 at once", "events/s", rate, floor, 0.45)


async def projected(ground: Ground, *, count: int) -> Figure:
    """Small documents a second into the view, beside the same topic consumed alone."""
    topic, settings = customer.SECTION.name, ground.settings("gateway")
    async with _producing(ground, "customer") as producer:
        keys = [uuid4() for _ in range(KEYS)]
        for first in range(0, DOCUMENTS, AT_ONCE):
            sending = [_document(producer, topic, keys[n % KEYS], n) for n in range(first, first + AT_ONCE)]
            await asyncio.gather(*sending)
    owner = await asyncpg.connect(ground.url("gateway", "owner"))

    async def into_the_view() -> float:
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

    async def alone() -> float:
        consumer = new_consumer(settings, topic, group=None)

        async def read() -> int:
            return sum(map(len, (await consumer.getmany(timeout_ms=500, max_records=BATCH)).values()))

        await consumer.start()
        try:
            return await _rate(read)
        finally:
            await consumer.stop()

    rate, floor = await _in_turn(into_the_view, alone, count)
    await owner.close()
    return Figure("projector / consume alone", "documents/s", rate, floor, 0.10)


async def _rate(read: Callable[[], Awaitable[int]]) -> float:
    """Documents a second, from the first batch on: before it, a group was joined and a fetch was under way."""
    first = 0
    while not first:
        first = await read()
    done, began = first, time.perf_counter()
    while done < DOCUMENTS:
        done += await read()
    return (done - first) / (time.perf_counter() - began)


async def _document(producer: AIOKafkaProducer, topic: str, key: UUID, version: int) -> None:
    headers = [("ce_sequence", str(version).encode()), ("ce_time", b"2026-03-02T09:30:00+00:00")]
    document = b'{"staff": {"name": "x", "holdings": []}, "self": {"name": "x", "holdings": []}}'
    await (await producer.send(topic, document, key=key_of(key), headers=headers))


@dataclass
class _Way:
    """Registrations, and when each stood in the view."""

    customer: aiohttp.ClientSession
    view: asyncpg.Connection
    body: dict[str, str]
    waiting: set[UUID] = field(default_factory=set)
    seen: dict[UUID, float] = field(default_factory=dict)

    async def register(self) -> None:
        told = {"Idempotency-Key": str(uuid4())}
        async with self.customer.post("/api/v1/customers", json=self.body, headers=told) as answer:
            if not answer.ok:
                raise RuntimeError(f"{answer.status} {await answer.text()}")
            self.waiting.add(UUID((await answer.json())["id"]))

    async def watch(self, count: int) -> None:
        """Until so many were seen."""
        while len(self.seen) < count:
            rows = await self.view.fetch(SEEN, list(self.waiting))
            now = time.time()
            self.seen.update((row[0], now) for row in rows)
            self.waiting.difference_update(row[0] for row in rows)
            await asyncio.sleep(0.001)

    async def register_in_time(self, count: int) -> None:
        began, commands = time.perf_counter(), []
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / EACH_SECOND - time.perf_counter()))
            commands.append(asyncio.create_task(self.register()))
        await asyncio.gather(*commands)


async def visible(ground: Ground) -> list[Figure]:
    """From the mark of a registration, which is just before its commit, until its profile stands in the view."""
    port, served = await ground.serve("customer", 13, works=True)
    _, gateway = await ground.serve("gateway", 14, {"GUANXI_UPSTREAMS": "{}"}, works=True)
    headers = {"Authorization": f"Bearer {ground.token('teller')}"}
    body = {"name": "张伟", "home_unit_id": str(ground.customers[0])}
    own, view = [await asyncpg.connect(ground.url(app, "owner")) for app in ("customer", "gateway")]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as session:
        way, count = _Way(session, view, body), int(EACH_SECOND * SECONDS)
        await way.register()
        async with asyncio.timeout(60):  # once the group has joined
            await way.watch(1)
        way.seen.clear()
        async with asyncio.timeout(120):
            await asyncio.gather(way.watch(count), way.register_in_time(count))
    rows = await own.fetch(MARKED, list(way.seen))
    marked = {row["key"]: row["marked_at"].timestamp() for row in rows}
    took = [(seen - marked[key]) * 1000 for key, seen in way.seen.items()]
    for each in (own, view):
        await each.close()
    for process in (served, gateway):
        await stop(process)
    return [
        Figure("commit → visible at 50/s, p50 / its bar", "ms", median(took), VISIBLE_P50, 1.0, most=True),
        Figure(
            "commit → visible at 50/s, p99 / its bar", "ms", quantiles(took, n=100)[-1], VISIBLE_P99, 1.0, most=True
        ),
    ]
