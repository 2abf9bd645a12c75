"""The commands of an app, each as a request that only lacks its headers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from fastapi.routing import iter_route_contexts

from libs.common.app import App
from libs.common.commands import Command
from libs.common.openapi import calls_of, permissions_of

WHY = {"Guanxi-Reason": "a test"}


@dataclass(frozen=True)
class Bare:
    """A command as the documentation has it, of things that are not there."""

    method: str
    path: str
    body: Any
    permission: str
    is_conditional: bool

    async def needs_its_headers(self, person: httpx.AsyncClient) -> None:
        async def sent(**headers: str) -> httpx.Response:
            return await person.request(self.method, self.path, json=self.body, headers={**WHY, **headers})

        if self.method == "POST":
            answer = await sent()
            assert (answer.status_code, "Idempotency-Key" in answer.text) == (400, True), (self, answer.text)
        if self.is_conditional:
            answer = await sent(**{"Idempotency-Key": str(uuid4())})
            assert (answer.status_code, "If-Match" in answer.text) == (428, True), (self, answer.text)


def commands_of(app: App) -> Iterator[Bare]:
    document = app.document()
    for route in iter_route_contexts(app.api.routes):
        command = next((call for call in calls_of(route.dependant) if isinstance(call, Command)), None)
        if command is None:
            continue
        (method,), (permission,) = route.methods or (), permissions_of(route)
        told = document["paths"][route.path][method.lower()].get("requestBody", {}).get("content", {})
        body = told.get("application/json", {}).get("example")
        path = re.sub(r"\{\w+\}", lambda _: str(uuid4()), str(route.path))
        yield Bare(method, path, body, permission, command.conditional)
