"""What is told, many at once: from the outbox to Kafka, and from Kafka into the view."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import NamedTuple
from uuid import UUID, uuid4

import asyncpg
import orjson
from aiokafka import AIOKafkaProducer

from bench.figures import Figure
from bench.ground import Ground
from gateway.view.tables import COPIES
from libs.common.copies import BATCH, apply
from libs.common.kafka import key_of, new_consumer, new_producer
from libs.common.leader import Leadership
from libs.common.reader import new_reader
from libs.common.relay import BATCH as AT_ONCE
from libs.common.relay import BY_INDEX, Relay, event_headers
from libs.common.sender import Sender
from libs.common.serve import COLLECTED_AFTER, spare_the_collector
from libs.contracts import customer

EVENTS, DOCUMENTS, KEYS = 10_000, 60_000, 20_000
PAYLOAD = orjson.dumps(
    {
        "occurred_at": "2026-03-02T09:30:00Z",
        "customer_id": "01938c9a-7c00-7000-8000-000000000001",
        "account_id": "01938c9a-7c00-7000-8000-000000000002",
        "kind": "savings",
        "product": "储蓄存款",
        "currency": "CNY",
        "opened_on": "2026-03-02",
        "holders": [
            {"customer_id": f"01938c9a-7c00-7000-8000-00000000000{n}", "role": "co_owner"} for n in range(3, 6)
        ],
    }
)
"""As long as most events are: half a kilobyte."""
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
"""Of a request that tells no spans, as 99 in a hundred; its events bear it all the same."""

FILL = """
    INSERT INTO outbox (event_id, type, key, subject, sequence, payload, traceparent, occurred_at)
    SELECT gen_random_uuid(), 'crm.account.opened.v1', k, k, n, $2, $3, now()
    FROM (SELECT gen_random_uuid() AS k, n FROM generate_series(1, $1) AS n) AS made
"""


class _Leading(Leadership):
    def __init__(self) -> None:
        super().__init__(None)

    @property
    def lapsed(self) -> bool:
        return False


@asynccontextmanager
async def producing(ground: Ground, app: str) -> AsyncIterator[AIOKafkaProducer]:
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
    """By medians of what each says; the first round of each warms up.

    Garbage is collected as in a process of each one's own: ours as a service has it, the floor's as Python has it.
    """
    plain, taken = gc.get_threshold(), (list[Pace](), list[Pace]())
    spare_the_collector()
    for _ in range(count + 1):
        for work, kept, collected in zip((measured, floor), taken, (COLLECTED_AFTER, plain), strict=True):
            gc.set_threshold(*collected)
            kept.append(await work())
    (rate, cpu), (beside, floor_cpu) = ([median(each) for each in zip(*kept[1:], strict=True)] for kept in taken)
    return Figure(what, unit, rate, beside, goal, cpu=cpu, floor_cpu=floor_cpu)


async def relayed(ground: Ground, *, count: int) -> Figure:
    """Events a second from the outbox, beside the same records produced alone, so many at once."""
    owner = await asyncpg.connect(ground.url("customer", "owner"))
    connection = await asyncpg.connect(ground.url("customer", "app"), server_settings=BY_INDEX)
    async with producing(ground, "customer") as producer:
        relay = Relay(ground.url("customer", "app"), customer.EVENTS.name, Sender(producer))

        async def from_outbox() -> Pace:
            await owner.execute("DELETE FROM outbox")
            await owner.execute(FILL, EVENTS, PAYLOAD, TRACEPARENT)
            watch = _Watch()
            while await relay.send_batch(connection, _Leading()):
                pass
            return watch.pace(EVENTS)

        async def alone() -> Pace:
            rows = await owner.fetch("SELECT * FROM outbox")
            trace = ("traceparent", TRACEPARENT.encode())
            records = [(key_of(row["key"]), [*event_headers(customer.EVENTS.name, row), trace]) for row in rows]
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
    async with producing(ground, "customer") as producer:
        for first in range(0, DOCUMENTS, AT_ONCE):
            sending = [_document(producer, topic, keys[n % KEYS], n) for n in range(first, first + AT_ONCE)]
            await asyncio.gather(*sending)


async def _document(producer: AIOKafkaProducer, topic: str, key: UUID, version: int) -> None:
    headers = [("ce_sequence", str(version).encode()), ("ce_time", b"2026-03-02T09:30:00+00:00")]
    document = b'{"staff": {"name": "x", "holdings": []}, "self": {"name": "x", "holdings": []}}'
    await (await producer.send(topic, document, key=key_of(key), headers=headers))
