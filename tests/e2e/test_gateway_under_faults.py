"""Each service killed, frozen and slow in turn, under load: the 360° view goes on, the others go on, the rest is quick to say no."""

import asyncio
import json
import os
import signal
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

import httpx
import pytest

from bench.proxy import Proxy, proxy_to
from guanxi.local.issuer import ADMIN
from guanxi.local.settings import LocalSettings
from guanxi.local.stack import Stack
from tests.e2e.person import SignIn
from tests.e2e.stacks import apart, console_of, running, signing_in
from tests.e2e.test_story import known, open_branch, register, view_when
from tests.polling import until

pytestmark = pytest.mark.deep

LISTS = {
    "customer": "/api/v1/customers",
    "manager": "/api/v1/assignments",
    "complaints": "/api/v1/complaints",
    "marketing": "/api/v1/products",
    "scoring": "/api/v1/scores",
}
ASKING, ENOUGH = 3, 24
"""So many ask each path at a time; so many answers of each path show how it goes."""
MOSTLY = 0.75
"""Of the answers of a service that is well: on a busy machine one or another takes longer than the gateway waits."""
SLOW_SECONDS, GIVEN_UP_AFTER = 0.4, 4
TOO_LONG, NO_ANSWER = 30, 0
"""Seconds in which any answer comes, however busy the machine is; what is counted where none does."""


class ProxiedStack(Stack):
    """The gateway reaches the services' public ports over a stretch of network that can be slow."""

    proxies: dict[str, Proxy]

    def environment(self, app: str) -> dict[str, str]:
        env = super().environment(app)
        if app == "gateway":
            upstreams = json.loads(env["GUANXI_UPSTREAMS"])
            for name, proxy in self.proxies.items():
                upstreams[name]["public"] = f"http://127.0.0.1:{proxy.port}"
            env |= {"GUANXI_UPSTREAMS": json.dumps(upstreams), "GUANXI_UPSTREAM_TIMEOUT": str(GIVEN_UP_AFTER)}
        return env


@dataclass
class Load:
    """Asks the view and one list of each service, again and again, and keeps what it was answered."""

    client: httpx.AsyncClient
    paths: dict[str, str]
    answers: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    longest: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Seconds, of any answer of a path."""
    refused_at_once: Counter[str] = field(default_factory=Counter)
    without_retry_after: int = 0

    async def ask(self, name: str) -> None:
        while True:
            started = time.monotonic()
            try:
                answer = await self.client.get(self.paths[name], timeout=TOO_LONG)
            except httpx.HTTPError:
                self.answers[name][NO_ANSWER] += 1
                continue
            self.answers[name][answer.status_code] += 1
            seconds = time.monotonic() - started
            self.longest[name] = max(self.longest[name], seconds)
            self.refused_at_once[name] += answer.status_code == 503 and seconds < GIVEN_UP_AFTER
            if answer.status_code == 503 and "Retry-After" not in answer.headers:
                self.without_retry_after += 1

    def forget(self) -> None:
        self.answers.clear()
        self.longest.clear()
        self.refused_at_once.clear()

    async def seen(self, refused: str | None) -> None:
        """Return when enough answers came on every path, and enough of them told at once that a service is away."""

        async def enough() -> bool:
            at_once = refused is None or self.refused_at_once[refused] >= ENOUGH / 2
            return at_once and all(self.answers[name].total() >= ENOUGH for name in self.paths)

        await until(enough)


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ProxiedStack]:
    settings = apart(LocalSettings, tmp_path_factory.mktemp("faults"))
    async with AsyncExitStack() as opened:
        made = ProxiedStack(settings, opened.enter_context(console_of(settings)))
        made.proxies = {name: await opened.enter_async_context(proxy_to(settings.port(name))) for name in LISTS}
        yield await opened.enter_async_context(running(made))


@pytest.fixture(scope="module")
async def load(stack: ProxiedStack) -> AsyncIterator[Load]:
    async with signing_in(stack) as sign_in, asking(await _bank(sign_in)) as running:
        yield running


async def _bank(signed_in: SignIn) -> Load:
    here = await open_branch(signed_in(ADMIN, "admin"), "f01")
    teller, head = signed_in("teller-f01", "teller"), signed_in("branch_head-f01", "branch_head")
    for person in (teller, head):
        await known(person)
    customer = await register(teller, here)
    await view_when(head, customer["id"], lambda sections: sections["profile"]["state"] == "ok")
    return Load(head.client, {"view": f"/api/v1/customers/{customer['id']}/360", **LISTS})


@asynccontextmanager
async def asking(load: Load) -> AsyncIterator[Load]:
    tasks = [asyncio.create_task(load.ask(name)) for name in load.paths for _ in range(ASKING)]
    try:
        yield load
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def pid_of(stack: Stack, name: str) -> int | None:
    return stack.pids().get(name)


@contextmanager
def killed(stack: ProxiedStack, name: str) -> Iterator[None]:
    """Again and again, as often as the supervisor starts it anew"""

    last: int | None = None

    async def runs_again() -> bool:
        return pid_of(stack, name) not in (None, last)

    async def keep_killing() -> None:
        nonlocal last
        while True:
            await until(runs_again)
            if last := pid_of(stack, name):
                with suppress(ProcessLookupError):
                    os.kill(last, signal.SIGKILL)

    killer = asyncio.create_task(keep_killing())
    try:
        yield
    finally:
        killer.cancel()


@contextmanager
def frozen(stack: ProxiedStack, name: str) -> Iterator[None]:
    pid = pid_of(stack, name)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def slow(stack: ProxiedStack, name: str) -> Iterator[None]:
    stack.proxies[name].delay = SLOW_SECONDS
    try:
        yield
    finally:
        stack.proxies[name].delay = 0.0


Fault = Callable[[ProxiedStack, str], AbstractContextManager[None]]


@pytest.mark.parametrize("service", LISTS)
@pytest.mark.parametrize("fault", [killed, frozen, slow])
async def test_everything_else_goes_on(stack: ProxiedStack, load: Load, fault: Fault, service: str) -> None:
    others = [name for name in load.paths if name != service]

    async def all_well() -> bool:
        return {(await load.client.get(path)).status_code for path in load.paths.values()} == {200}

    await until(all_well)
    load.forget()
    with fault(stack, service):
        await load.seen(refused=None if fault is slow else service)
        answers = {name: Counter(told) for name, told in load.answers.items()}
        longest = dict(load.longest)
    assert set(answers["view"]) == {200}
    for name in others:
        assert set(answers[name]) <= {200, 503}
        assert answers[name][200] >= MOSTLY * answers[name].total(), (name, answers[name])
    assert load.without_retry_after == 0
    if fault is slow:
        assert set(answers[service]) == {200}
        assert longest[service] >= SLOW_SECONDS, "it was slow, and answered all the same"
    else:
        assert set(answers[service]) <= {200, 503}
    await until(all_well)
