"""The gateway's Service as a channel reaches it: over TLS, by its name, at the address that the cluster gave it."""

import asyncio
import ssl
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count, cycle
from pathlib import Path
from typing import Any

import httpx

from guanxi.local.issuer import ADMIN, LocalIssuer
from services.scoring.api.examples import EXAMPLES
from services.scoring.api.schemas import NewContributionPolicy
from tests.e2e.person import Person, SignIn
from tests.e2e.stacks import signing_in_at
from tests.e2e.test_story import Branch, known, open_branch

HOST, PORT = "gateway-app", 8000
WRITING, READING = 2, 2
EACH = ("/api/v1/customers", "/api/v1/tasks", "/api/v1/campaigns", "/api/v1/complaints", "/api/v1/scores")
CUSTOMERS = "/api/v1/customers"
FAR = date(2100, 1, 1)
"""A policy of that day reckons nothing here."""
POLICY = {name: EXAMPLES[name] for name in NewContributionPolicy.model_fields if name in EXAMPLES}


class ByAddress(httpx.AsyncHTTPTransport):
    """Asks at an address whoever is named; the certificate is the named one's."""

    def __init__(self, address: str, authority: Path) -> None:
        super().__init__(verify=ssl.create_default_context(cafile=str(authority)))
        self._address = address

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions = {**request.extensions, "sni_hostname": request.url.host}
        request.url = request.url.copy_with(host=self._address)
        return await super().handle_async_request(request)


def signing_in(address: str, authority: Path, issuer: LocalIssuer) -> AbstractAsyncContextManager[SignIn]:
    return signing_in_at(f"https://{HOST}:{PORT}", issuer, lambda: ByAddress(address, authority))


async def open_known_branch(sign_in: SignIn, code: str) -> Branch:
    """One whose teller and head every app has heard of."""
    branch = await open_branch(sign_in(ADMIN, "admin"), code)
    for role in ("teller", "branch_head"):
        await known(sign_in(f"{role}-{code}", role))
    return branch


Command = tuple[Person, str, Callable[[int], dict[str, Any]]]
"""By whom, to which path, and what the n-th of them says."""


@dataclass
class Load:
    """People who command every service and look at customers, without a pause, while something is done to the system."""

    teller: Callable[[], Person]
    head: Callable[[], Person]
    admin: Callable[[], Person]
    manager_id: str
    """Of staff: who is given the tasks."""
    shown: Sequence[str]
    """Customers whom the view has: the newest are on their way to it still."""
    answers: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    """Seconds, of any answer."""
    made: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """What was acknowledged: the ids, by the path that they were made at."""
    _numbers: Iterator[int] = field(default_factory=count)

    def begin(self) -> None:
        """What was seen before counts no more."""
        self.answers.clear()
        self.made.clear()
        self.longest = 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Load"]:
        tasks = [asyncio.create_task(self._command([self._registering()])) for _ in range(WRITING)]
        tasks += [asyncio.create_task(self._look(self.head())) for _ in range(READING)]
        tasks += [asyncio.create_task(self._command(self._others())), asyncio.create_task(self._ask_each(self.head()))]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(end) for end in ended} == {asyncio.CancelledError}, ended

    @property
    def failed(self) -> dict[str, int]:
        return {told: count for told, count in self.answers.items() if told not in {"200", "201"}}

    def _registering(self) -> Command:
        return self.teller(), CUSTOMERS, lambda n: {"name": f"客户{n}"}

    def _others(self) -> list[Command]:
        """One of each other service."""
        told = {"channel": "counter", "business": "loan", "cause": "fees", "facts": "x"}
        task = {"staff_id": self.manager_id, "kind": "call_back", "due_at": f"{FAR}T08:00:00Z"}
        return [
            (self.teller(), "/api/v1/complaints", lambda n: {**told, "customer_id": self._shown(n)}),
            (self.head(), "/api/v1/tasks", lambda n: {**task, "customer_id": self._shown(n)}),
            (self.admin(), "/api/v1/products", lambda n: {"code": f"k{n}", "name": "储蓄", "kind": "savings"}),
            (
                self.admin(),
                "/api/v1/contribution-policies",
                lambda n: {**POLICY, "effective_from": f"{FAR + timedelta(n)}"},
            ),
        ]

    def _shown(self, n: int) -> str:
        return self.shown[n % len(self.shown)]

    async def _command(self, commands: Sequence[Command]) -> None:
        for person, path, body in cycle(commands):
            headers = {"Idempotency-Key": str(uuid.uuid4())}
            answer = await self._ask(person, "POST", path, json=body(next(self._numbers)), headers=headers)
            if answer is not None and answer.status_code == httpx.codes.CREATED:
                self.made[path].append(answer.json()["id"])

    async def kept(self) -> Counter[tuple[str, int]]:
        """What is answered of all that was acknowledged: path and status, and how often."""
        told: Counter[tuple[str, int]] = Counter()
        for person, path, _ in [self._registering(), *self._others()]:
            for id_ in self.made[path]:
                told[path, (await person.get(f"{path}/{id_}")).status_code] += 1
        return told

    async def _look(self, head: Person) -> None:
        for customer_id in cycle(self.shown):
            await self._ask(head, "GET", f"/api/v1/customers/{customer_id}/360")

    async def _ask_each(self, head: Person) -> None:
        """Each service for what is its own."""
        for path in cycle(EACH):
            await self._ask(head, "GET", path)

    async def _ask(self, person: Person, method: str, path: str, **told: object) -> httpx.Response | None:
        began = time.monotonic()
        try:
            answer = await person.client.request(method, path, **told)  # type: ignore[arg-type]
        except httpx.HTTPError as error:
            self.answers[type(error).__name__] += 1
            return None
        finally:
            self.longest = max(self.longest, time.monotonic() - began)
        self.answers[str(answer.status_code)] += 1
        return answer
