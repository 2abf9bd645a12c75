"""What a transaction tells goes in one statement: nothing of it without the rest, and in the order of commits."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from libs.common.committing import Answer
from libs.common.database import Database
from libs.common.domain import Conflict
from libs.common.driver import Statement
from libs.common.ids import new_id
from libs.common.transient import passing
from libs.directory.scope import SystemScope
from tests.conftest import Ground
from tests.libs.common.probe import SECTION, Probe, Thing, things
from tests.polling import until

MARK = "SELECT FROM publication_marks WHERE stream = $1 AND key = $2 FOR UPDATE"
WAITS = "SELECT count(*) FROM pg_locks WHERE NOT granted"
OPENED = "SELECT count(*) FROM pg_locks WHERE pid = $1 AND locktype = 'virtualxid'"
END_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()
"""
MADE = Statement("INSERT INTO things (id, version, name) VALUES ($1, 1, $2)", ("id", "name"), {})
ANOTHER = """
    INSERT INTO outbox (event_id, type, key, subject, sequence, payload, occurred_at)
    VALUES ($1, 'crm.thing.touched.v1', $1, $1, 1, '{}', now()) RETURNING id
"""


async def touched(probe: Probe, thing: Thing, *, answer: Answer | None = None) -> UUID:
    thing.touch()
    async with probe.database.unit_of_work(SystemScope()) as uow:
        uow.session.add(thing)
        if answer:
            uow.remember(answer)
    return thing.id


def a_thing() -> Thing:
    thing_id = new_id()
    return Thing(id=thing_id, name=f"told {thing_id}")


async def test_who_was_answered_under_the_key_a_moment_before_is_not_answered_twice(probe: Probe) -> None:
    answer = Answer(uuid4().bytes, b"body", 201, uuid4())
    await touched(probe, a_thing(), answer=answer)
    late = a_thing()
    with pytest.raises(Conflict, match="ask again"):
        await touched(probe, late, answer=answer)
    async with probe.database.reading(SystemScope()) as uow:
        assert (await uow.session.execute(select(things.c.id).where(things.c.id == late.id))).first() is None


async def test_an_event_has_its_place_once_every_mark_is_locked(ground: Ground, probe: Probe) -> None:
    thing = a_thing()
    await touched(probe, thing)
    holder, other = [await asyncpg.connect(ground.url("probe", "owner")) for _ in range(2)]
    async with holder.transaction():
        await holder.execute(MARK, SECTION.name, thing.id)
        waiting = asyncio.create_task(touched(probe, thing))
        await until(lambda: other.fetchval(WAITS))
        between = await other.fetchval(ANOTHER, uuid4())
    await waiting
    last = await other.fetchval("SELECT max(id) FROM outbox WHERE subject = $1", thing.id)
    await other.execute("DELETE FROM outbox WHERE id = $1", between)
    assert last > between
    for connection in (holder, other):
        await connection.close()


async def test_connections_that_were_lost_are_met_once(ground: Ground, probe: Probe) -> None:
    """By one unit of work, however many had been idle: what comes after it gets new ones."""
    await asyncio.gather(*[touched(probe, a_thing()) for _ in range(5)])
    other = await asyncpg.connect(ground.url("probe", "app"))
    await other.execute(END_OTHERS)
    await other.close()
    with pytest.raises(DBAPIError) as lost:
        await touched_by_the_driver_alone(probe)
    assert passing(lost.value)
    for _ in range(5):
        await touched_by_the_driver_alone(probe)


async def test_who_is_cancelled_leaves_no_transaction_to_the_next(ground: Ground, probe: Probe) -> None:
    sleeps, narrow = Statement("SELECT pg_sleep(60)", (), {}), Database(ground.url("probe", "app"), pool=1)

    async def stay() -> None:
        async with narrow.unit_of_work(SystemScope()) as uow:
            await uow.fetch(sleeps)

    for moment in (0.0, 0.001, 0.002, 0.005, 0.01, 0.1):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stay(), moment)
        thing = a_thing()
        async with narrow.unit_of_work(SystemScope()) as uow:
            await uow.fetch(MADE, id=thing.id, name=thing.name)
        async with probe.database.reading(SystemScope()) as uow:
            assert (await uow.session.execute(select(things.c.id).where(things.c.id == thing.id))).first(), moment
    await narrow.close()


async def touched_by_the_driver_alone(probe: Probe) -> None:
    async with probe.database.unit_of_work(SystemScope()) as uow:
        uow.mark(SECTION.name, [new_id()])


async def test_a_query_opens_no_transaction_and_changes_nothing(ground: Ground, probe: Probe) -> None:
    watching = await asyncpg.connect(ground.url("probe", "owner"))
    async with probe.database.reading(SystemScope()) as uow:
        backend = (await uow.session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        opened = await watching.fetchval(OPENED, backend)
        with pytest.raises(RuntimeError, match="changes nothing"):
            await uow.session.execute(insert(things).values(id=new_id(), version=1, name="never"))
    await watching.close()
    assert opened == 0
