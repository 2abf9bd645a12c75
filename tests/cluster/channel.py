"""The gateway's Service as a channel reaches it: over TLS, by its name, at the address that the cluster gave it."""

import asyncio
import ssl
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import httpx

from guanxi.local.issuer import LocalIssuer
from tests.e2e.person import Person, SignIn
from tests.e2e.stacks import signing_in_at

HOST, PORT = "gateway-app", 8000
WRITING, READING = 2, 2
EACH = ("/api/v1/customers", "/api/v1/tasks", "/api/v1/campaigns", "/api/v1/complaints", "/api/v1/scores")


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


@dataclass
class Load:
    """People who register customers and look at them, without a pause, while something is done to the system."""

    teller: Callable[[], Person]
    head: Callable[[], Person]
    shown: Sequence[str]
    """Customers whom the view has: the newest are on their way to it still."""
    answers: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    """Seconds, of any answer."""
    registered: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Load"]:
        tasks = [asyncio.create_task(self._register(self.teller())) for _ in range(WRITING)]
        tasks += [asyncio.create_task(self._look(self.head())) for _ in range(READING)]
        tasks += [asyncio.create_task(self._complain(self.teller())), asyncio.create_task(self._ask_each(self.head()))]
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

    async def _register(self, teller: Person) -> None:
        while True:
            headers = {"Idempotency-Key": str(uuid.uuid4())}
            body = {"name": f"客户{len(self.registered)}"}
            answer = await self._ask(teller, "POST", "/api/v1/customers", json=body, headers=headers)
            if answer is not None and answer.status_code == httpx.codes.CREATED:
                self.registered.append(answer.json()["id"])

    async def _look(self, head: Person) -> None:
        for customer_id in cycle(self.shown):
            await self._ask(head, "GET", f"/api/v1/customers/{customer_id}/360")

    async def _complain(self, teller: Person) -> None:
        for customer_id in cycle(self.shown):
            headers = {"Idempotency-Key": str(uuid.uuid4())}
            body = {"channel": "counter", "business": "loan", "cause": "fees", "facts": "x", "customer_id": customer_id}
            answer = await self._ask(teller, "POST", "/api/v1/complaints", json=body, headers=headers)
            if answer is not None and answer.status_code == httpx.codes.CREATED:
                self.complaints.append(answer.json()["id"])

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
