"""The way of one thing that happened: from its commit to whoever reads the view, at the pace of a bank's day."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import median, quantiles
from uuid import UUID, uuid4

import aiohttp
import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.figures import Figure
from bench.flow import PAYLOAD, producing
from bench.ground import Ground, stop
from bench.load import cpu_seconds
from libs.common.kafka import new_consumer
from libs.common.topics import DEAD_LETTERS

EACH_SECOND, COUNT = 50, 300
VISIBLE_P50, VISIBLE_P99 = 25.0, 75.0
"""Milliseconds: the bars."""
NOBODY_READS = DEAD_LETTERS.name
"""The floor's records go there: no app is kept busy by them."""

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


async def _at_that_pace(each: Callable[[], Awaitable[None]]) -> None:
    """Begun in time, whether or not those before are done."""
    began, under_way = time.perf_counter(), []
    for number in range(COUNT):
        await asyncio.sleep(max(0.0, began + number / EACH_SECOND - time.perf_counter()))
        under_way.append(asyncio.ensure_future(each()))
    await asyncio.gather(*under_way)


def _tails(took: Sequence[float]) -> tuple[float, float]:
    """Milliseconds: the median, and p99."""
    return median(took) * 1000, quantiles(took, n=100)[-1] * 1000


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

    async def round(self, own: asyncpg.Connection, pids: Sequence[int]) -> tuple[float, float, float]:
        """Median and p99; microseconds of both apps for each, with all else that they do meanwhile."""
        self.made.clear()
        self.seen.clear()
        spent = sum(map(cpu_seconds, pids))
        async with asyncio.timeout(120):
            await _at_that_pace(self.register)
            await self.saw_all()
        marked = {row["key"]: row["marked_at"].timestamp() for row in await own.fetch(MARKED, list(self.made))}
        took = [self.seen[key] - at for key, at in marked.items()]
        return *_tails(took), (sum(map(cpu_seconds, pids)) - spent) / COUNT * 1e6


async def _there_and_back(producer: AIOKafkaProducer, consumer: AIOKafkaConsumer) -> tuple[float, float, float]:
    """A record of an event's size to Kafka and back, at the same pace: median, p99, this process's microseconds."""
    sent: dict[bytes, float] = {}
    took: list[float] = []
    spent = time.process_time()

    async def send() -> None:
        key = uuid4().bytes
        sent[key] = time.perf_counter()
        await (await producer.send(NOBODY_READS, PAYLOAD, key=key))

    async def receive() -> None:
        while len(took) < COUNT:
            record = await consumer.getone()
            took.append(time.perf_counter() - sent[record.key])

    async with asyncio.timeout(120):
        await asyncio.gather(receive(), _at_that_pace(send))
    return *_tails(took), (time.process_time() - spent) / COUNT * 1e6


Taken = list[tuple[float, float, float]]


async def _in_turn(
    way: _Way, own: asyncpg.Connection, pids: Sequence[int], ground: Ground, count: int
) -> tuple[Taken, Taken]:
    """The way, and the floor, but for their first rounds: groups join, plans are made."""
    seen: Taken = []
    received: Taken = []
    consumer = new_consumer(ground.settings("customer"), NOBODY_READS, group=None)
    await consumer.start()
    try:
        async with producing(ground, "customer") as producer:
            for _ in range(count + 1):
                seen.append(await way.round(own, pids))
                received.append(await _there_and_back(producer, consumer))
    finally:
        await consumer.stop()
    return seen[1:], received[1:]


async def visible(ground: Ground, *, count: int) -> list[Figure]:
    """From the mark of a registration, which is just before its commit, until its profile stands in the view.

    It stands beside a record that goes to Kafka and back, and no more; the bars are for the way itself.
    """
    port, served = await ground.serve("customer", 13, works=True)
    _, gateway = await ground.serve("gateway", 14, {"GUANXI_UPSTREAMS": "{}"}, works=True)
    headers = {"Authorization": f"Bearer {ground.token('teller')}"}
    body = {"name": "张伟", "home_unit_id": str(ground.customers[0])}
    own, view = [await asyncpg.connect(ground.url(app, "owner")) for app in ("customer", "gateway")]
    await view.execute(TELL_SEEN)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as session:
        way = _Way(session, body)
        await view.add_listener("seen", way.heard)
        taken = await _in_turn(way, own, (served.pid, gateway.pid), ground, count)
    await view.execute("DROP FUNCTION bench.tell_seen CASCADE")
    for each in (own, view):
        await each.close()
    for process in (served, gateway):
        await stop(process)
    (p50, p99, cpu), floor = ([median(each) for each in zip(*some, strict=True)] for some in taken)
    what = "commit → visible at 50/s / a record to Kafka and back"
    of = partial(Figure, own=True, most=True, cpu=cpu, floor_cpu=floor[2])
    return [
        of(what, "ms, p50", p50, floor[0], VISIBLE_P50),
        of(what, "ms, p99", p99, floor[1], VISIBLE_P99),
    ]
