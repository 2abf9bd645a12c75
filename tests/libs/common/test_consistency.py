import asyncio
from typing import Annotated
from uuid import UUID, uuid4

import httpx
from fastapi import APIRouter

from libs.common.access import requires
from libs.common.app import create_app
from libs.common.authentication import Principal
from libs.common.commands import command
from libs.common.consistency import Consistency, VersionOf
from libs.common.database import UnitOfWork
from libs.common.domain import NotFound
from libs.common.keyring import KeyRing
from libs.common.marks import Mark
from tests.conftest import Ground
from tests.libs.common.probe import NewThing, Probe, ThingView, create


async def _create(client: httpx.AsyncClient) -> tuple[str, str]:
    body, key = {"name": f"t {uuid4()}"}, {"Idempotency-Key": str(uuid4())}
    made = await client.post("/api/v1/things", json=body, headers=key)
    return made.json()["id"], made.headers["Guanxi-Consistency"]


async def test_a_reader_waits_until_the_copy_holds_what_was_written(client: httpx.AsyncClient, probe: Probe) -> None:
    thing_id, token = await _create(client)
    asked = asyncio.create_task(client.get(f"/api/v1/things/{thing_id}", headers={"Guanxi-Consistency": token}))
    done, _ = await asyncio.wait([asked], timeout=0.1)
    assert not done, "it answered before the copy arrived"
    probe.versions[UUID(thing_id)] = 2**62
    assert (await asked).status_code == 200


async def test_a_copy_that_does_not_come_is_a_503(client: httpx.AsyncClient) -> None:
    thing_id, token = await _create(client)
    answer = await client.get(f"/api/v1/things/{thing_id}", headers={"Guanxi-Consistency": token})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"


async def test_a_token_is_good_for_its_principal_only(ground: Ground, client: httpx.AsyncClient, probe: Probe) -> None:
    thing_id, token = await _create(client)
    async with probe.client(ground.issuer.token("other", ["things:read"])) as other:
        answer = await other.get(f"/api/v1/things/{thing_id}", headers={"Guanxi-Consistency": token})
    assert answer.status_code == 400


async def test_a_token_of_many_things_names_those_of_each_stream_that_arrive_last(probe: Probe) -> None:
    asked: dict[str, list[int]] = {"a": [], "b": []}

    def copy(stream: str) -> VersionOf:
        async def version_of(key: UUID) -> int:
            asked[stream].append(key.int)
            return 2**62

        return version_of

    consistency = Consistency(KeyRing.load(probe.settings.keyring), {stream: copy(stream) for stream in asked}, 1.0)
    principal = Principal(issuer="https://issuer", subject="s", alias="a", roles=frozenset(), expires_at=0.0)
    token = consistency.token(principal, [Mark(stream, UUID(int=n), 1) for stream in asked for n in range(100)])
    assert token is not None
    assert len(token) < 1_000
    await consistency.wait(principal, token)
    assert asked == {"a": [96, 97, 98, 99], "b": [96, 97, 98, 99]}


async def test_a_repeated_command_gives_the_token_of_the_first_answer(client: httpx.AsyncClient) -> None:
    body, key = {"name": f"t {uuid4()}"}, {"Idempotency-Key": str(uuid4())}
    first = await client.post("/api/v1/things", json=body, headers=key)
    again = await client.post("/api/v1/things", json=body, headers=key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Guanxi-Consistency"] == first.headers["Guanxi-Consistency"]


async def test_a_repeat_is_no_404_when_the_copy_arrives_while_it_is_looked_for(ground: Ground, probe: Probe) -> None:
    async def show(_uow: UnitOfWork, thing_id: UUID) -> ThingView:
        probe.versions[thing_id] = 2**62
        raise NotFound.thing("thing")

    router = APIRouter()

    @router.post("/late", status_code=201, dependencies=[requires("things:change")])
    async def create_late(body: NewThing, uow: Annotated[UnitOfWork, command(show, conditional=False)]) -> ThingView:
        return await create(body, uow)

    headers = {
        "Authorization": f"Bearer {ground.issuer.token('late', ['things:change'])}",
        "Idempotency-Key": str(uuid4()),
    }
    late = httpx.ASGITransport(create_app(probe.app.chassis, title="late", routers=[router], examples={}).public)
    async with httpx.AsyncClient(transport=late, base_url="http://late", headers=headers) as client:
        answers = [await client.post("/late", json={"name": f"t {headers['Idempotency-Key']}"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 503, 404]
