"""A REST client for the command line: repeats safely, follows consistency tokens, explains refusals."""

import asyncio
import os
import uuid
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp

from guanxi.local.failures import LocalFailure
from guanxi.local.settings import LocalSettings

TRIES = 60
PAUSE_SECONDS = 0.5
AGAIN = {502, 503, 504}
NOT_YET = {403, 404}

NAMESPACE = uuid.UUID("6f0d3f3e-6a55-4a6e-9d0f-0f6a5c1a7b11")


class Refused(Exception):
    """The API said no, in its own words."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status}: {problem.get('detail', problem)}")
        self.status, self.problem = status, problem


class Client:
    """One caller. A command's Idempotency-Key is derived from `key`, so that the same work is never done twice."""

    def __init__(self, address: str, token: str, *, connections: int = 16) -> None:
        self._address, self._token, self._connections = address, token, connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=self._connections)
        headers = {"Authorization": f"Bearer {self._token}"}
        self._session = aiohttp.ClientSession(self._address, headers=headers, connector=connector)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, *, after: str | None = None, **query: str) -> Any:
        return (await self._ask("GET", path, {"Guanxi-Consistency": after} if after else {}, query, None))[0]

    async def until_known(self, *paths: str) -> None:
        """Wait until the login is good at each of these paths."""
        for path in paths:
            await self.get_once_known(path, limit="1")

    async def get_once_known(self, path: str, **query: str) -> Any:
        """Read as soon as the login is good: of new staff, and new customers, a directory hears in seconds.

        Raises:
            Refused: it is not, for as long as one waits.
        """
        for _ in range(TRIES - 1):
            try:
                return await self.get(path, **query)
            except Refused as refused:
                if refused.status not in NOT_YET:
                    raise
                await asyncio.sleep(PAUSE_SECONDS)
        return await self.get(path, **query)

    async def post(
        self, path: str, body: dict[str, Any] | None, *, key: str, after: str | None = None, version: int | None = None
    ) -> tuple[Any, str | None]:
        """Carry a command out. Returns its answer and its consistency token, for `after`."""
        headers = {"Idempotency-Key": str(uuid.uuid5(NAMESPACE, key))}
        if after:
            headers["Guanxi-Consistency"] = after
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return await self._ask("POST", path, headers, {}, body)

    async def change(self, path: str, move: str, body: dict[str, Any] | None, *, key: str) -> tuple[Any, str | None]:
        """Carry a command out on a thing as it is now: somebody else may change it between a look and the command.

        Raises:
            Refused: the thing is not known for as long as one waits, or the command was refused.
        """
        for _ in range(TRIES):
            thing = await self.get_once_known(path)
            try:
                return await self.post(f"{path}/{move}", body, key=key, version=thing["version"])
            except Refused as refused:
                if refused.status != HTTPStatus.PRECONDITION_FAILED:
                    raise
        raise Refused(412, {"detail": f"{path} was changed by others {TRIES} times."})

    async def _ask(
        self, method: str, path: str, headers: dict[str, str], query: dict[str, str], body: Any
    ) -> tuple[Any, str | None]:
        if self._session is None:
            raise RuntimeError("use `async with Client(...)`")
        for _ in range(TRIES):
            try:
                asked = self._session.request(method, path, headers=headers, params=query, json=body)
                async with asked as answer:
                    under_way = answer.status == HTTPStatus.CONFLICT and "Retry-After" in answer.headers
                    if answer.status in AGAIN or under_way:
                        await asyncio.sleep(PAUSE_SECONDS)
                        continue
                    document = await answer.json(content_type=None)
                    if not answer.ok:
                        raise Refused(answer.status, document)
                    return document, answer.headers.get("Guanxi-Consistency")
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(PAUSE_SECONDS)
        raise Refused(503, {"detail": f"{path} did not answer {TRIES} times."})


async def require_running(settings: LocalSettings) -> None:
    """Raises LocalFailure where no gateway is ready."""
    url = f"{settings.address('gateway', 2)}/health/ready"
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            ready = answer.status == HTTPStatus.OK
    except (aiohttp.ClientError, OSError):
        ready = False
    if not ready:
        sentence = f"No gateway is ready at {settings.gateway}: start `guanxi up` first, or set GUANXI_BASE_PORT."
        raise LocalFailure(sentence, os.EX_UNAVAILABLE)
