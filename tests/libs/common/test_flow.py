"""Events over a real Kafka: relay, consumer, dead letters."""

from dataclasses import dataclass, field, replace
from uuid import UUID

import asyncpg
import pytest
from aiokafka import ConsumerRecord
from sqlalchemy import text

from libs.common.database import Database, UnitOfWork
from libs.common.domain import Conflict
from libs.common.hearing import Subscription
from libs.common.ids import new_id
from libs.common.kafka import headers_of, new_producer
from libs.common.keyring import KeyRing
from libs.common.outbox import LARGEST_EVENT
from libs.common.relay import BY_INDEX, WAITING, Relay
from libs.common.sealing import Sealer
from libs.common.sender import Sender
from libs.common.topics import DEAD_LETTERS
from libs.common.worker import run_worker
from libs.directory.scope import SystemScope
from tests.libs.common.flow import (
    AlwaysLeading,
    connect_to,
    effects_on,
    hear,
    of,
    read_all,
    running,
    sent,
    touch,
    touch_again,
    worker,
)
from tests.libs.common.probe import EVENTS, PUBLICATION, Probe, Thing, ThingTouched

FILL = """
    INSERT INTO outbox (event_id, type, key, subject, sequence, payload, occurred_at)
    SELECT gen_random_uuid(), 'long', k, k, n, '{}', now()
    FROM (SELECT gen_random_uuid() AS k, n FROM generate_series(1, $1) AS n) AS made
"""


async def test_events_arrive_in_order_with_their_envelope(probe: Probe) -> None:
    async with running(run_worker(worker(probe))):
        thing_id = await touch(probe, 5)
        records = await read_all(probe, EVENTS, lambda rs: len(of(rs, thing_id)) >= 5)
    headers = [headers_of(record) for record in of(records, thing_id)]
    assert [h["ce_sequence"] for h in headers] == ["1", "2", "3", "4", "5"]
    assert {h["ce_type"] for h in headers} == {"crm.thing.touched.v1"}
    assert {h["ce_source"] for h in headers} == {"/guanxi/probe"}
    assert len({h["ce_id"] for h in headers}) == 5


@dataclass
class Listener:
    """Has its effect in the database, refuses what it was told to refuse, and records what no topic takes."""

    probe: Probe
    boasts: set[str] = field(default_factory=set)
    nap: float = 0.0
    poison: set[str] = field(default_factory=set)
    passing: dict[str, int] = field(default_factory=dict)

    async def handle(self, uow: UnitOfWork, event: ThingTouched) -> None:
        effect = {"thing_id": event.thing_id, "note": event.note}
        await uow.session.execute(text("INSERT INTO effects (thing_id, note) VALUES (:thing_id, :note)"), effect)
        await uow.session.execute(text("SELECT pg_sleep(:nap)"), {"nap": self.nap})
        if event.note in self.boasts:
            uow.record(replace(event, note="x" * LARGEST_EVENT), sequence=1)
        if event.note in self.poison:
            raise Conflict("poison")
        if self.passing.get(event.note, 0) > 0:
            self.passing[event.note] -= 1
            raise ConnectionError

    async def effects(self, thing_id: UUID) -> list[str]:
        return await effects_on(self.probe, thing_id)

    async def hears(self, *records: ConsumerRecord, transaction_timeout: str | None = None) -> None:
        subscription = Subscription((EVENTS.name,), {ThingTouched.type: (ThingTouched, self.handle)})
        database = self.probe.database if transaction_timeout is None else limited(self.probe, transaction_timeout)
        try:
            await hear(self.probe, subscription, *records, database=database)
        finally:
            if database is not self.probe.database:
                await database.close()


def limited(probe: Probe, transaction_timeout: str) -> Database:
    """The same database under another limit."""
    sealer = Sealer(KeyRing.load(probe.settings.keyring))
    address = f"{probe.settings.dsn}?transaction_timeout={transaction_timeout}"
    return Database(address, publications=[PUBLICATION], sealer=sealer)


async def test_an_event_is_handled_once_however_often_it_is_sent(probe: Probe) -> None:
    thing_id, records = await sent(probe, 3)
    listener = Listener(probe)
    await listener.hears(*records, *records[:2])
    await listener.hears(*records)
    assert await listener.effects(thing_id) == ["0", "1", "2"]


async def test_what_is_sent_again_is_remembered_from_then_on(probe: Probe) -> None:
    thing_id, records = await sent(probe, 2)
    listener = Listener(probe)
    await listener.hears(*records)
    aged = text("UPDATE inbox SET handled_at = now() - interval '29 days' WHERE subject = :subject AND sequence = 2")
    fresh = text("SELECT count(*) FROM inbox WHERE subject = :subject AND handled_at > now() - interval '1 minute'")
    async with probe.database.engine.begin() as connection:
        await connection.execute(aged, {"subject": str(thing_id)})
    await listener.hears(*records)
    async with probe.database.engine.connect() as connection:
        assert (await connection.execute(fresh, {"subject": str(thing_id)})).scalar_one() == 2
    assert await listener.effects(thing_id) == ["0", "1"]


async def test_poison_is_set_aside_and_the_rest_goes_on_in_order(probe: Probe) -> None:
    thing_id, records = await sent(probe, 5)
    listener = Listener(probe, poison={"1", "3"})
    await listener.hears(*records)
    assert await listener.effects(thing_id) == ["0", "2", "4"]
    async with probe.database.engine.connect() as connection:
        wanted = text("SELECT payload, cause FROM dead_letters WHERE subject = :subject")
        letters = (await connection.execute(wanted, {"subject": str(thing_id)})).all()
        announced = text("SELECT count(*) FROM outbox WHERE type = 'crm.dead_letter.raised.v1'")
        assert (await connection.execute(announced)).scalar_one() >= len(letters) == 2
    assert {letter.cause for letter in letters} == {"Conflict"}
    assert all(str(thing_id).encode() not in letter.payload for letter in letters), "payload in clear"


async def test_a_dead_letter_is_announced_apart_from_what_the_service_tells(probe: Probe) -> None:
    _, records = await sent(probe, 2)
    await Listener(probe, poison={"1"}).hears(*records)
    async with running(run_worker(worker(probe))):
        told = await read_all(probe, DEAD_LETTERS, bool)
    assert {dict(record.headers)["ce_type"] for record in told} == {b"crm.dead_letter.raised.v1"}
    assert {dict(record.headers)["ce_source"] for record in told} == {b"/guanxi/probe"}


async def test_what_fails_only_at_the_commit_is_set_aside_as_well(probe: Probe) -> None:
    thing_id, records = await sent(probe, 3)
    listener = Listener(probe, boasts={"1"})
    await listener.hears(*records)
    assert await listener.effects(thing_id) == ["0", "2"]
    async with probe.database.engine.connect() as connection:
        wanted = text("SELECT cause FROM dead_letters WHERE subject = :subject")
        causes = (await connection.execute(wanted, {"subject": str(thing_id)})).scalars().all()
    assert list(causes) == ["InvalidValue"]


async def test_an_undecodable_record_is_poison(probe: Probe) -> None:
    _, records = await sent(probe, 1)
    broken = replace(records[0], value=b"{not json", headers=(("ce_type", b"crm.thing.touched.v1"),))
    count = text("SELECT count(*) FROM dead_letters")
    async with probe.database.engine.connect() as connection:
        before = (await connection.execute(count)).scalar_one()
    await Listener(probe).hears(broken)
    async with probe.database.engine.connect() as connection:
        assert (await connection.execute(count)).scalar_one() == before + 1


async def test_a_header_without_a_value_is_no_obstacle(probe: Probe) -> None:
    thing_id, records = await sent(probe, 1)
    await Listener(probe).hears(replace(records[0], headers=(("empty", None), *records[0].headers)))
    listener = Listener(probe, poison={"0"})
    foreign = (("ce_type", b"crm.thing.touched.v1"), ("ce_subject", b"a\0b"), ("ce_sequence", b"9" * 30), ("x", None))
    await listener.hears(replace(records[0], headers=foreign))
    assert await listener.effects(thing_id) == ["0"]


async def test_a_batch_too_slow_for_one_transaction_is_halved(probe: Probe) -> None:
    thing_id, records = await sent(probe, 6)
    listener = Listener(probe, nap=0.12)
    async with probe.database.engine.connect() as connection:
        limit = (await connection.execute(text("SHOW transaction_timeout"))).scalar_one()
    assert limit != "0"
    await listener.hears(*records, transaction_timeout="500ms")
    assert await listener.effects(thing_id) == ["0", "1", "2", "3", "4", "5"]


async def test_a_batch_takes_as_many_as_there_is_time_for(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.common.consumer.BATCH_SECONDS", 0.2)
    thing_id, records = await sent(probe, 6)
    listener = Listener(probe, nap=0.12)
    await listener.hears(*records, transaction_timeout="500ms")
    assert await listener.effects(thing_id) == ["0", "1", "2", "3", "4", "5"]
    wanted = text(
        "SELECT count(*), count(DISTINCT xmin::text), max(place) - min(place) FROM effects WHERE thing_id = :id"
    )
    async with probe.database.engine.connect() as connection:
        rows, transactions, apart = (await connection.execute(wanted, {"id": thing_id})).one()
    assert (rows, apart) == (6, 5), "nothing was done twice"
    assert transactions >= 3, "there is time for two in each at most"


async def test_what_passes_is_tried_again_in_place(probe: Probe) -> None:
    thing_id, records = await sent(probe, 3)
    listener = Listener(probe, passing={"1": 2})
    await listener.hears(*records)
    assert await listener.effects(thing_id) == ["0", "1", "2"]
    assert listener.passing["1"] == 0


async def test_a_record_that_can_never_be_sent_is_parked_and_the_rest_goes_on(probe: Probe) -> None:
    producer = new_producer(probe.settings)
    producer._max_request_size = 2_000
    await producer.start()
    connection = await connect_to(probe)
    try:
        relay = Relay(probe.settings.dsn, EVENTS.name, Sender(producer))
        while await relay.send_batch(connection, AlwaysLeading()):
            pass
        big, small = new_id(), await touch(probe)
        async with probe.database.unit_of_work(SystemScope()) as uow:
            thing = Thing(id=big, name=f"big {big}")
            thing.touch("x" * 10_000)
            thing.touch("behind it")
            uow.session.add(thing)
        await relay.send_batch(connection, AlwaysLeading())
        waiting = await connection.fetch("SELECT parked_because FROM outbox WHERE subject = $1 ORDER BY id", big)
        assert waiting[0]["parked_because"] == "MessageSizeTooLargeError"
        sent = await connection.fetchval("SELECT count(published_at) FROM outbox WHERE subject = $1", small)
        assert sent == 1
        later = await touch_again(probe, big)
        await relay.send_batch(connection, AlwaysLeading())
        states = await connection.fetch("SELECT published_at FROM outbox WHERE subject = $1 ORDER BY id", big)
        assert states[later - 1]["published_at"] is None, "a later event of the key overtook the parked one"
    finally:
        await connection.execute("DELETE FROM outbox WHERE published_at IS NULL")
        connection.terminate()
        await producer.stop()


async def test_a_long_queue_is_not_sorted_for_each_batch(probe: Probe) -> None:
    """After an outage it is thousands long, and the planner knows of a few."""
    connection = await asyncpg.connect(probe.settings.dsn, server_settings=BY_INDEX)
    try:
        async with connection.transaction():
            await connection.execute(FILL, 10_000)
            plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {WAITING}", 500))
            await connection.execute("DELETE FROM outbox WHERE type = 'long'")
    finally:
        connection.terminate()
    assert "Index Scan using ix_outbox_waiting" in plan
    assert "Sort" not in plan
