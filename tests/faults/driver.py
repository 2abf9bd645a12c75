"""The client: sends commands with an Idempotency-Key, and sends each again with the same key until it is answered."""

import asyncio
import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp

from gateway.upstream.forwarding import OWNERS
from tests.faults.ledger import Ledger

ANSWERED_WITHIN = 300.0
PAUSE = 0.2
SLOW = 2.0
ATTEMPT = aiohttp.ClientTimeout(total=10, sock_connect=2)
AWAY = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}

Token = Callable[[str], str]


@dataclass(frozen=True)
class Answer:
    document: dict[str, Any]
    consistency: str | None


@dataclass(frozen=True)
class Trouble:
    """An attempt that brought no answer, or brought it late. `at` is the loop's monotonic time of its end."""

    at: float
    service: str
    what: str


@dataclass(eq=False)
class Command:
    path: str
    body: dict[str, Any] | None
    headers: dict[str, str]
    method: str = "POST"

    @property
    def service(self) -> str:
        return OWNERS[self.path.split("/")[3].partition("?")[0]]


class Driver:
    """Many people at once, each named by their login. `in_flight` counts commands without an answer yet."""

    def __init__(self, address: str, token: Token) -> None:
        self.ledger = Ledger()
        self.troubles: list[Trouble] = []
        self.refused: list[str] = []
        self._address, self._token = address, token
        self._open: set[Command] = set()
        self._questions: set[Command] = set()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(self._address, timeout=ATTEMPT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def in_flight(self) -> int:
        return len(self._open)

    def asks(self, service: str) -> bool:
        """Whether a command or a question of that service has no answer yet."""
        return any(command.service == service for command in self._open | self._questions)

    def troubled(self, since: float, *, by: str | None = None) -> list[Trouble]:
        """What the client suffered, from one service or from any."""
        return [trouble for trouble in self.troubles if trouble.at >= since and by in (None, trouble.service)]

    async def command(
        self,
        login: str,
        path: str,
        body: dict[str, Any],
        *,
        version: int | None = None,
        after: str | None = None,
        repeat_on: Collection[int] = (),
    ) -> Answer:
        """Send until answered; `repeat_on` names refusals that pass by themselves here."""
        headers = {"Authorization": f"Bearer {self._token(login)}", "Idempotency-Key": str(uuid.uuid4())}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        if after is not None:
            headers["Guanxi-Consistency"] = after
        command = Command(f"/api/v1/{path}", body, headers)
        self._open.add(command)
        try:
            answer = await self._answer(command, repeat_on)
        finally:
            self._open.discard(command)
        self.ledger.acknowledged += 1
        return answer

    async def ask(self, login: str, path: str) -> list[dict[str, Any]]:
        """A list, asked for until it is answered."""
        question = Command(f"/api/v1/{path}", None, {"Authorization": f"Bearer {self._token(login)}"}, "GET")
        self._questions.add(question)
        try:
            return list((await self._answer(question)).document["items"])
        finally:
            self._questions.discard(question)

    async def _answer(self, command: Command, repeat_on: Collection[int] = ()) -> Answer:
        async with asyncio.timeout(ANSWERED_WITHIN):
            while (answer := await self._attempt(command, repeat_on)) is None:  # noqa: ASYNC110 - over HTTP
                await asyncio.sleep(PAUSE)
        return answer

    async def _attempt(self, command: Command, repeat_on: Collection[int]) -> Answer | None:
        if self._session is None:
            raise RuntimeError("use `async with Driver(...)`")
        began = time.monotonic()
        try:
            given = {"json": command.body, "headers": command.headers}
            async with self._session.request(command.method, command.path, **given) as response:
                document = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._trouble(command, type(error).__name__)
            return None
        if time.monotonic() - began > SLOW:
            self._trouble(command, "slow")
        if response.ok:
            return Answer(document, response.headers.get("Guanxi-Consistency"))
        self._not_ok(command, response, document, repeat_on)
        return None

    def _not_ok(
        self, command: Command, response: aiohttp.ClientResponse, document: Any, repeat_on: Collection[int]
    ) -> None:
        under_way = response.status == HTTPStatus.CONFLICT and "Retry-After" in response.headers
        if response.status in AWAY or under_way:
            self._trouble(command, str(response.status))
        elif response.status not in repeat_on:
            self.refused.append(f"{response.status} {command.path}: {document}")

    def _trouble(self, command: Command, what: str) -> None:
        self.troubles.append(Trouble(time.monotonic(), command.service, what))
