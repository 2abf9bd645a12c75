"""The first test of the chassis: what is answered is what is stored."""

import asyncio
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Select, func, select, text

from libs.common.domain import InvalidValue
from libs.common.ids import new_id
from libs.directory.scope import SystemScope
from tests.libs.common.probe import Probe, Thing, things


def _key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


async def _outbox(probe: Probe, subject: object) -> list[int]:
    async with probe.database.engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT sequence FROM outbox WHERE subject = :s ORDER BY id"), {"s": subject}
        )
        return list(rows.scalars())


async def test_a_commit_that_fails_answers_no_2xx(client: httpx.AsyncClient, probe: Probe) -> None:
    name = f"taken {uuid4()}"
    first = await client.post("/api/v1/things", json={"name": name}, headers=_key())
    before = await _count(probe, select(func.count()).select_from(text("outbox")))
    second = await client.post("/api/v1/things", json={"name": name}, headers=_key())
    assert (first.status_code, second.status_code) == (201, 409)
    assert second.headers["content-type"] == "application/problem+json"
    assert await _count(probe, select(func.count()).where(things.c.name == name)) == 1
    assert await _count(probe, select(func.count()).select_from(text("outbox"))) == before


async def _count(probe: Probe, statement: Select[tuple[int]]) -> int:
    async with probe.database.engine.connect() as connection:
        return (await connection.execute(statement)).scalar_one()


async def test_a_repeated_command_answers_the_same_and_acts_once(client: httpx.AsyncClient, probe: Probe) -> None:
    body, key = {"name": f"once {uuid4()}"}, _key()
    first = await client.post("/api/v1/things", json=body, headers=key)
    again = await client.post("/api/v1/things", json=body, headers=key)
    assert again.status_code == 201
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert await _outbox(probe, first.json()["id"]) == [1]


async def test_commands_raced_with_one_key_act_once(client: httpx.AsyncClient, probe: Probe) -> None:
    body, key = {"name": f"raced {uuid4()}"}, _key()
    answers = await asyncio.gather(*[client.post("/api/v1/things", json=body, headers=key) for _ in range(8)])
    assert {a.status_code for a in answers} <= {201, 409}
    made = {a.json()["id"] for a in answers if a.status_code == 201}
    assert len(made) == 1
    assert await _outbox(probe, made.pop()) == [1]


async def test_a_key_used_for_another_body_is_refused(client: httpx.AsyncClient) -> None:
    key = _key()
    await client.post("/api/v1/things", json={"name": f"a {uuid4()}"}, headers=key)
    other = await client.post("/api/v1/things", json={"name": f"b {uuid4()}"}, headers=key)
    assert other.status_code == 422


async def test_a_post_without_a_key_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/things", json={"name": "x"})
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["detail"]


async def test_a_change_needs_the_version_that_was_read(client: httpx.AsyncClient) -> None:
    made = await client.post("/api/v1/things", json={"name": f"c {uuid4()}"}, headers=_key())
    url = f"/api/v1/things/{made.json()['id']}/touch"
    assert made.headers["ETag"] == '"1"'
    missing = await client.post(url, headers=_key())
    old = await client.post(url, headers={**_key(), "If-Match": '"0"'})
    right = await client.post(url, headers={**_key(), "If-Match": '"1"'})
    assert (missing.status_code, old.status_code, right.status_code) == (428, 412, 200)
    assert right.headers["ETag"] == '"2"'


async def test_a_repeat_after_success_gives_the_first_answer_and_not_412(client: httpx.AsyncClient) -> None:
    made = await client.post("/api/v1/things", json={"name": f"d {uuid4()}"}, headers=_key())
    url, headers = f"/api/v1/things/{made.json()['id']}/touch", {**_key(), "If-Match": '"1"'}
    first = await client.post(url, headers=headers)
    again = await client.post(url, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json()["version"] == 2


async def test_of_two_editors_at_once_one_wins(client: httpx.AsyncClient, probe: Probe) -> None:
    made = await client.post("/api/v1/things", json={"name": f"e {uuid4()}"}, headers=_key())
    url = f"/api/v1/things/{made.json()['id']}/touch"
    answers = await asyncio.gather(*[client.post(url, headers={**_key(), "If-Match": '"1"'}) for _ in range(5)])
    assert sorted(a.status_code for a in answers) == [200, 412, 412, 412, 412]
    assert [a.headers["ETag"] for a in answers if "ETag" in a.headers] == ['"2"'], "a loser was told the winner's tag"
    assert await _outbox(probe, made.json()["id"]) == [1, 2]


async def test_an_event_without_a_changed_column_still_moves_the_version(probe: Probe) -> None:
    thing_id = new_id()
    async with probe.database.unit_of_work(SystemScope()) as uow:
        thing = Thing(id=thing_id, name=f"f {thing_id}")
        thing.touch()
        uow.session.add(thing)
    async with probe.database.unit_of_work(SystemScope()) as uow:
        loaded = (await uow.session.execute(select(Thing).where(things.c.id == thing_id))).scalar_one()
        loaded.touch()
    assert await _outbox(probe, thing_id) == [1, 2]


async def test_a_rolled_back_unit_of_work_leaves_nothing(probe: Probe) -> None:
    thing_id = new_id()
    with pytest.raises(ZeroDivisionError):
        async with probe.database.unit_of_work(SystemScope()) as uow:
            thing = Thing(id=thing_id, name=f"g {thing_id}")
            thing.touch()
            uow.session.add(thing)
            await uow.session.flush()
            _ = 1 / 0
    assert await _outbox(probe, thing_id) == []


async def test_an_event_too_large_to_send_is_refused_when_it_is_recorded(
    client: httpx.AsyncClient, probe: Probe
) -> None:
    thing_id = new_id()
    with pytest.raises(InvalidValue, match="larger"):
        async with probe.database.unit_of_work(SystemScope()) as uow:
            thing = Thing(id=thing_id, name=f"h {thing_id}")
            thing.touch("x" * 300_000)
            uow.session.add(thing)
    assert (await client.get(f"/api/v1/things/{thing_id}")).status_code == 404
