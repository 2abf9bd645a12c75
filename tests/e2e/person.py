"""Somebody who uses the system over HTTP."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from tests.polling import until


@dataclass
class Person:
    """Somebody signed in. Follows its own consistency tokens, and asks again where they have not come round yet."""

    client: httpx.AsyncClient
    after: str = ""

    async def get(self, path: str, **query: str) -> httpx.Response:
        headers = {"Guanxi-Consistency": self.after} if self.after else {}
        return await self._come_round(lambda: self.client.get(path, params=query, headers=headers))

    async def post(self, path: str, body: dict[str, Any] | None = None, version: int | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        if self.after:
            headers["Guanxi-Consistency"] = self.after
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        answer = await self._come_round(lambda: self.client.post(path, json=body, headers=headers))
        self.after = answer.headers.get("Guanxi-Consistency", self.after)
        return answer

    async def _come_round(self, ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        answer = await ask()

        async def here() -> bool:
            nonlocal answer
            answer = await ask()
            return answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE

        if self.after and answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            await until(here)
        return answer


SignIn = Callable[..., Person]
"""`signed_in(subject, *roles)`."""
