"""The beginning of an answer that does not end: httpx's own transport would wait for all of it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from tests.polling import PATIENCE


async def first_piece(app: Any, method: str, path: str, query: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """Status and first piece of the body."""
    scope = {
        "type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": query.encode(), "scheme": "http", "root_path": "", "client": ("127.0.0.1", 1),
        "server": ("app", 80), "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    status, came = 0, asyncio.get_running_loop().create_future()
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()  # nobody hangs up
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif not came.done() and message.get("body"):
            came.set_result(message["body"])

    running = asyncio.create_task(app(scope, receive, send))
    try:
        async with asyncio.timeout(PATIENCE):
            body = await came
            return status, body
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
