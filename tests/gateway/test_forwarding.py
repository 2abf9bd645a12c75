"""What is passed on, over a stretch of network that is slow, silent or broken: nobody else is held up by it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import httpx
import pytest

from bench.proxy import Proxy, Way, proxy_to
from gateway import main as gateway
from gateway.settings import GatewaySettings, Upstream
from gateway.upstream.forwarding import LARGEST_ANSWER
from gateway.upstream.gate import FAILURES_IN_A_ROW
from libs.common.app import App
from tests.conftest import Ground
from tests.gateway.test_live import answering
from tests.served import served

Made = Callable[..., httpx.AsyncClient]
AT_ONCE = 3
PIECE = 10_000


@pytest.fixture(scope="module")
async def service(ground: Ground) -> AsyncIterator[int]:
    async with served(ground, "complaints", {}) as port:
        yield port


@pytest.fixture
async def proxy(service: int) -> AsyncIterator[Proxy]:
    async with proxy_to(service) as made:
        yield made


@pytest.fixture
async def client(ground: Ground, service: int, proxy: Proxy) -> AsyncIterator[Made]:
    """A gateway that reaches complaints through the proxy, and the same service as `customer` without one."""
    await ground.migrate("gateway", "gateway")
    apps: list[App] = []
    clients: list[httpx.AsyncClient] = []

    def make(**changed: object) -> httpx.AsyncClient:
        upstreams = {"complaints": _at(proxy.port, service), "customer": _at(service, service)}
        settings = ground.settings("gateway", GatewaySettings, upstreams=upstreams, **changed)
        assert isinstance(settings, GatewaySettings)
        apps.append(gateway.app(settings))
        headers = {"Authorization": f"Bearer {ground.issuer.token('somebody', ['manager'])}"}
        transport = httpx.ASGITransport(apps[-1].public)
        clients.append(httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers, timeout=30))
        return clients[-1]

    yield make
    for opened in clients:
        await opened.aclose()
    for app in apps:
        await app.close()


def _at(public: int, own: int) -> Upstream:
    return Upstream(
        public=f"http://127.0.0.1:{public}",
        internal=f"http://127.0.0.1:{own + 1}",
        management=f"http://127.0.0.1:{own + 2}",
    )


def is_away(answer: httpx.Response) -> bool:
    """Whether the gateway says so: what a service that is there answers has no such words."""
    return answer.status_code == 503 and "does not answer" in answer.json()["detail"]


async def test_a_silent_service_is_let_alone_and_holds_up_no_other(client: Made, proxy: Proxy) -> None:
    asking, proxy.way = client(upstream_timeout=0.3), Way.SILENT
    for _ in range(FAILURES_IN_A_ROW):
        answer = await asking.get("/api/v1/complaints")
        assert is_away(answer)
        assert answer.headers["Retry-After"].isdecimal()
    taken = proxy.taken
    for _ in range(20):
        assert is_away(await asking.get("/api/v1/complaints"))
    assert proxy.taken <= taken + 1, "nobody waits for it any more, but one who tries"
    assert not is_away(await asking.get("/api/v1/customers"))


async def test_more_than_so_many_do_not_wait(client: Made, proxy: Proxy) -> None:
    asking, proxy.way = client(upstream_timeout=2.0, upstream_connections=AT_ONCE), Way.SILENT
    waiting = [asyncio.create_task(asking.get("/api/v1/complaints")) for _ in range(4 * AT_ONCE)]
    done, under_way = await asyncio.wait(waiting, timeout=1.5)
    assert all(is_away(task.result()) for task in done)
    assert len(under_way) <= AT_ONCE
    assert proxy.taken <= AT_ONCE
    await asyncio.gather(*waiting)


@pytest.mark.parametrize(
    ("method", "headers", "times"),
    [
        ("GET", {}, 2),
        ("POST", {"Idempotency-Key": "k"}, 2),
        ("POST", {}, 1),
        *((method, {"If-Match": '"1"', "Idempotency-Key": "k"}, 1) for method in ("PATCH", "PUT", "DELETE")),
    ],
)
async def test_what_changes_nothing_the_second_time_is_sent_again(
    client: Made, proxy: Proxy, method: str, headers: dict[str, str], times: int
) -> None:
    asking = client()
    proxy.breaks = 1
    path = "/api/v1/complaints" if method in ("GET", "POST") else f"/api/v1/complaints/{uuid4()}"
    answer = await asking.request(method, path, headers=headers, json={} if method != "GET" else None)
    assert proxy.taken == times
    assert is_away(answer) == (times == 1)


async def test_a_callers_own_patience_ends_it(client: Made, proxy: Proxy) -> None:
    asking, proxy.way = client(upstream_timeout=60.0), Way.SILENT
    async with asyncio.timeout(20):
        assert is_away(await asking.get("/api/v1/complaints", headers={"Guanxi-Timeout": "0.2"}))


async def test_what_is_sent_again_has_no_more_time_than_the_first(client: Made, proxy: Proxy) -> None:
    asking, proxy.breaks = client(upstream_timeout=60.0), 1
    assert not is_away(await asking.get("/api/v1/complaints", headers={"Guanxi-Timeout": "30"}))
    proxy.breaks, proxy.way, taken = 1, Way.SILENT, proxy.taken
    async with asyncio.timeout(20):
        assert is_away(await asking.get("/api/v1/complaints", headers={"Guanxi-Timeout": "1"}))
    assert proxy.taken == taken + 1, "it broke on the connection that was there, was sent again, and nobody answered"


async def test_an_impatient_caller_shuts_the_service_for_nobody(client: Made, proxy: Proxy) -> None:
    asking, proxy.delay = client(), 0.3
    for _ in range(2 * FAILURES_IN_A_ROW):
        assert is_away(await asking.get("/api/v1/complaints", headers={"Guanxi-Timeout": "0.05"}))
    assert not is_away(await asking.get("/api/v1/complaints"))


@pytest.mark.parametrize("wrong", ["soon", "-1", "0", "nan", "inf"])
async def test_a_patience_that_is_none_is_named(client: Made, wrong: str) -> None:
    answer = await client().get("/api/v1/complaints", headers={"Guanxi-Timeout": wrong})
    assert answer.status_code == 400
    assert "Guanxi-Timeout" in answer.json()["detail"]


async def test_a_caller_that_hangs_up_is_no_failure_of_the_service(client: Made, proxy: Proxy) -> None:
    async def broken_off() -> AsyncIterator[bytes]:
        yield b"{"
        raise ConnectionResetError

    asking = client()
    for _ in range(2 * FAILURES_IN_A_ROW):
        await asking.post("/api/v1/complaints", content=broken_off(), headers={"Idempotency-Key": "k"})
    assert proxy.taken == 0, "a body is taken in whole before anybody is asked"
    assert not is_away(await asking.get("/api/v1/complaints"))


async def test_a_body_that_comes_slowly_or_without_end_reaches_no_service(client: Made, proxy: Proxy) -> None:
    given = 0

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += PIECE
            yield bytes(PIECE)

    asking = client(body_seconds=0.3, largest_body=10 * PIECE)
    for body, status in ((slow(), 408), (endless(), 413)):
        answer = await asking.post("/api/v1/complaints", content=body, headers={"Idempotency-Key": "k"})
        assert (answer.status_code, answer.headers["connection"]) == (status, "close")
    assert given <= 11 * PIECE
    assert proxy.taken == 0


@pytest.mark.parametrize("bytes_more", [0, 1])
async def test_an_answer_is_taken_in_whole_up_to_its_bound(client: Made, proxy: Proxy, bytes_more: int) -> None:
    said = b"x" * (LARGEST_ANSWER + bytes_more)
    async with answering(200, said) as proxy.target:
        asking = client()
        answer = await asking.get("/api/v1/complaints", headers={"Accept-Encoding": "identity"})
        if not bytes_more:
            assert answer.content == said
            return
        for _ in range(FAILURES_IN_A_ROW):
            assert (answer.status_code, "larger" in answer.json()["detail"]) == (503, True), (
                "and nobody else is shut out"
            )
            answer = await asking.get("/api/v1/complaints")


async def test_a_large_answer_is_compressed_for_who_accepts_it(client: Made) -> None:
    asking = client()
    plain = await asking.get("/openapi.json", headers={"Accept-Encoding": "identity"})
    packed = await asking.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["vary"]
    assert packed.json() == plain.json()
    assert int(packed.headers["content-length"]) < len(plain.content) / 3


async def test_a_path_of_the_gateways_own_is_nobody_elses(client: Made, proxy: Proxy) -> None:
    asking = client()
    for method in ("GET", "PUT", "DELETE"):
        refused = await asking.request(method, "/api/v1/customers/360:batch")
        assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")
    refused = await asking.put("/api/v1/me/complaints")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, POST")
    assert proxy.taken == 1, "customers complain there, and read at the gateway"
    assert (await asking.get("/api/v1/nowhere")).status_code == 404
