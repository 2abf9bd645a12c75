"""A partner's endpoint: keeps what it is told, and answers as it is made to."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Message:
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body)
        return told


@dataclass
class Receiver:
    """`answer` says what a message is answered with: a status, and headers."""

    url: str
    answer: Callable[[Message], tuple[int, dict[str, str]]] = lambda _: (204, {})
    messages: list[Message] = field(default_factory=list)
    goes_on: asyncio.Event | None = None
    """Nothing is answered before it is set."""

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        message = Message(headers, await request.read())
        self.messages.append(message)
        if self.goes_on is not None:
            await self.goes_on.wait()
        status, told = self.answer(message)
        return web.Response(status=status, headers=told)


@asynccontextmanager
async def receiving(*, name: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver("")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        port = runner.addresses[0][1]
        receiver.url = f"{'https' if tls else 'http'}://{name}:{port}/hook"
        yield receiver
    finally:
        await runner.cleanup()
