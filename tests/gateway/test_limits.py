"""One caller may ask so often; every answer tells what is left, whoever of several replicas gave it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import uuid4

import asyncpg
import httpx
import pytest
from starlette.types import ASGIApp

from gateway import main as gateway
from gateway.limits.storage import InDatabase
from gateway.settings import LIMITS as DEFAULTS
from gateway.settings import GatewaySettings
from libs.common.database import Database
from libs.common.limits import InProcess
from tests.conftest import Ground
from tests.polling import until

LIMITS = {"read": "5/minute", "command": "2/minute", "open": "3/minute"}


@dataclass
class Replicas:
    """Gateways over one database."""

    ground: Ground
    apps: list[ASGIApp]

    def client(self, number: int, subject: str, address: str = "127.0.0.1") -> httpx.AsyncClient:
        token = self.ground.issuer.token(subject, ["manager"])
        headers = {"Authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(self.apps[number], client=(address, 4711))
        return httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers)


@pytest.fixture(params=[True, False], ids=["shared", "in process"])
async def replicas(ground: Ground, request: pytest.FixtureRequest) -> AsyncIterator[Replicas]:
    await ground.migrate("gateway", "gateway")
    async with AsyncExitStack() as closing:
        made = []
        for _ in range(2):
            settings = ground.settings(
                "gateway", GatewaySettings, upstreams={}, limits=LIMITS, limits_shared=request.param
            )
            assert isinstance(settings, GatewaySettings)
            app = gateway.app(settings)
            closing.push_async_callback(app.close)
            made.append(app.public)
        yield Replicas(ground, made)


def left(answer: httpx.Response) -> int:
    return int(answer.headers["RateLimit"].split("r=")[1].split(";")[0])


async def test_every_answer_tells_what_is_left_until_nothing_is(replicas: Replicas) -> None:
    async with replicas.client(0, f"eager {uuid4()}".replace(" ", "-")) as eager:
        answers = [await eager.get("/api/v1/nothing") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [404] * 5 + [429] * 2
    assert [left(answer) for answer in answers] == [4, 3, 2, 1, 0, 0, 0]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"read";q=5;w=60'}
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert answers[-1].headers["content-type"] == "application/problem+json"
    assert "Retry-After" not in answers[0].headers


async def test_each_kind_and_each_caller_counts_apart(replicas: Replicas) -> None:
    name = str(uuid4())
    async with replicas.client(0, f"a-{name}") as one, replicas.client(0, f"b-{name}") as other:
        for _ in range(6):
            last = await one.get("/api/v1/nothing")
        assert last.status_code == 429
        assert (await one.post("/api/v1/nothing")).status_code == 404
        assert (await other.get("/api/v1/nothing")).status_code == 404


@pytest.mark.parametrize(("path", "others"), [("/360", 5), ("", 0)])
async def test_who_asks_too_often_is_in_the_audit_trail_once_a_window(
    replicas: Replicas, path: str, others: int
) -> None:
    """Also of what is passed on: nobody behind hears of it."""
    name = str(uuid4())
    async with replicas.client(0, name) as one:
        answers = [await one.get(f"/api/v1/customers/{uuid4()}{path}") for _ in range(9)]
    assert [answer.status_code for answer in answers[5:]] == [429] * 4
    traces = [answer.headers["Guanxi-Trace"] for answer in answers]
    owner = await asyncpg.connect(replicas.ground.url("gateway", "owner"))
    told = "SELECT content::json->>'status' FROM audit_entries WHERE content::json->>'trace_id' = ANY($1)"
    statuses = [row[0] for row in await owner.fetch(told, traces)]
    await owner.close()
    assert statuses.count("429") == 1
    assert len(statuses) == others + 1


async def test_what_needs_no_sign_in_counts_by_address(replicas: Replicas) -> None:
    here, there = (f"198.51.{uuid4().int % 250}.{uuid4().int % 250}" for _ in range(2))
    async with replicas.client(1, "anybody", here) as anybody, replicas.client(1, "anybody", there) as other:
        assert [(await anybody.get("/docs")).status_code for _ in range(4)] == [200, 200, 200, 429]
        assert (await other.get("/docs")).status_code == 200


async def test_replicas_that_share_count_together(replicas: Replicas, request: pytest.FixtureRequest) -> None:
    is_shared = request.node.callspec.id == "shared"
    name = str(uuid4())
    async with replicas.client(0, name) as one, replicas.client(1, name) as other:
        lefts = [left(await each.get("/api/v1/nothing")) for each in (one, other, one, other)]
    assert lefts == ([4, 3, 2, 1] if is_shared else [4, 4, 3, 3])


def test_a_limit_that_is_named_leaves_the_others_as_they_are(ground: Ground) -> None:
    told = ground.settings("gateway", GatewaySettings, upstreams={}, limits={"read": "7/minute"})
    assert isinstance(told, GatewaySettings)
    assert told.limits == {**DEFAULTS, "read": "7/minute"}
    for wrong in ({"reveals": "7/minute"}, {"read": "often"}):
        with pytest.raises(ValueError, match=r"kinds are|is no limit"):
            ground.settings("gateway", GatewaySettings, upstreams={}, limits=wrong)


async def test_while_the_database_is_away_each_counts_for_itself() -> None:
    storage = InDatabase(Database("postgresql://nobody@127.0.0.1:1/none"))
    assert [await storage.incr("away", 60) for _ in range(3)] == [1, 2, 3]
    assert await storage.get("away") == 3


async def test_a_database_that_hangs_holds_up_no_request() -> None:
    never = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await never.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    storage = InDatabase(Database(f"postgresql://nobody@127.0.0.1:{server.sockets[0].getsockname()[1]}/none"))
    async with asyncio.timeout(10):
        assert [await storage.incr("hangs", 60) for _ in range(3)] == [1, 2, 3]
    never.set()
    server.close()


async def test_a_window_that_ended_begins_anew(ground: Ground) -> None:
    await ground.migrate("gateway", "gateway")
    database = Database(ground.settings("gateway").dsn)
    for storage in (InProcess(), InDatabase(database)):
        key = str(uuid4())
        assert [await storage.incr(key, 1) for _ in range(3)] == [1, 2, 3]

        async def begins_anew(storage: InProcess | InDatabase = storage, key: str = key) -> bool:
            return await storage.incr(key, 1) == 1

        await until(begins_anew, seconds=5)
        await storage.clear(key)
        assert await storage.incr(key, 60) == 1
        assert await storage.check()
        await storage.reset()
        assert await storage.incr(key, 60) == 1
    await database.close()


async def test_old_counts_go(ground: Ground) -> None:
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415

    from gateway.limits.storage import TIDYING  # noqa: PLC0415
    from libs.directory.scope import SystemScope  # noqa: PLC0415

    await ground.migrate("gateway", "gateway")
    database = Database(ground.settings("gateway").dsn)
    await InDatabase(database).incr("old", 1)
    async with database.unit_of_work(SystemScope()) as uow:
        await TIDYING.sweep(uow, datetime.now(UTC) + timedelta(seconds=5))
    connection = await asyncpg.connect(ground.settings("gateway").dsn)
    assert await connection.fetchval("SELECT count(*) FROM edge.request_counts WHERE key = 'old'") == 0
    await connection.close()
    await database.close()
