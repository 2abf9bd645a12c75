"""Somebody who uses the system over HTTP."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass
class Person:
    """Somebody signed in. Follows its own consistency tokens, as a channel does."""

    client: httpx.AsyncClient
    after: str = ""

    async def get(self, path: str, **query: str) -> httpx.Response:
        return await self.client.get(
            path, params=query, headers={"Guanxi-Consistency": self.after} if self.after else {}
        )

    async def post(self, path: str, body: dict[str, Any] | None = None, version: int | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        if self.after:
            headers["Guanxi-Consistency"] = self.after
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        answer = await self.client.post(path, json=body, headers=headers)
        self.after = answer.headers.get("Guanxi-Consistency", self.after)
        return answer


SignIn = Callable[..., Person]
"""`signed_in(subject, *roles)`."""
