"""Streams of changes at their bounds: who is slow loses their place and is told so, and nobody holds more than theirs."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Message

from gateway.changes.tail import LONGEST_QUEUE
from tests.conftest import Ground
from tests.gateway.reader import Reader, reader_of
from tests.polling import until

OF_ONE, OF_ALL = 2, 3
BURST = LONGEST_QUEUE // 2
"""So much at once fits in the queue of who reads."""


@dataclass
class Stream:
    """A stream at the app itself, whose caller reads when told to."""

    reads: asyncio.Event = field(default_factory=asyncio.Event)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    asked: bool = False
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    said: str = ""
    ended: bool = False

    async def receive(self) -> Message:
        if not self.asked:
            self.asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        self.said += message.get("body", b"").decode()
        self.ended = not message.get("more_body", False)
        if not self.ended:
            await self.reads.wait()

    def told(self, event: str) -> list[dict[str, Any]]:
        blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in self.said.split("\n\n")[:-1]]
        return [json.loads(block["data"]) for block in blocks if block.get("event") == event]


@asynccontextmanager
async def followed(reader: Reader, *, token: str = "", reads: bool = True) -> AsyncIterator[Stream]:
    """`reader.near`, by the reader or by whomever the token names."""
    stream = Stream()
    if reads:
        stream.reads.set()
    told = f"Bearer {token}" if token else reader.client.headers["authorization"]
    path = "/api/v1/changes"
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "root_path": "", "query_string": f"customer_ids={reader.near}".encode(),
        "headers": [(b"authorization", told.encode())], "client": ("127.0.0.1", 1), "server": ("gateway", 80),
    }  # fmt: skip
    answering = asyncio.ensure_future(reader.app.public(scope, stream.receive, stream.send))

    async def begun() -> bool:
        return bool(stream.said)

    try:
        await until(begun)
        yield stream
    finally:
        stream.hung_up.set()
        stream.reads.set()
        await asyncio.wait_for(answering, 10)


async def change(reader: Reader, times: int) -> None:
    await reader.owner.execute(
        "INSERT INTO view.changes (customer_id, section, version, changed_at)"
        " SELECT $1, 'profile', n, now() FROM generate_series(1, $2) n",
        reader.near,
        times,
    )


async def test_who_falls_behind_is_told_to_begin_anew(reader: Reader) -> None:
    async with followed(reader, reads=False) as slow, followed(reader) as quick:
        made = 0

        async def quick_has_all() -> bool:
            return len(quick.told("section.changed")) == made

        while made < LONGEST_QUEUE + BURST:
            await change(reader, BURST)
            made += BURST
            await until(quick_has_all)
        slow.reads.set()

        async def slow_is_over() -> bool:
            return slow.ended

        await until(slow_is_over)
        assert slow.told("reset") == [{}]
        assert len(slow.told("section.changed")) <= 1
        assert (quick.ended, quick.told("reset")) == (False, [])


async def test_a_stream_ends_with_its_token(reader: Reader) -> None:
    token = reader.ground.issuer.token(str(reader.login), ["teller"], lifetime=2)
    async with followed(reader, token=token) as stream:
        assert stream.status == 200

        async def is_over() -> bool:
            return stream.ended

        await until(is_over)


async def test_streams_are_counted_of_one_and_of_all(ground: Ground) -> None:
    bounds = {"most_streams": OF_ALL, "most_streams_of_one": OF_ONE}
    async with reader_of(ground, **bounds) as reader, reader_of(ground) as other, AsyncExitStack() as opened:
        await reader.owner.execute(
            "UPDATE directory.staff SET unit_ids = (SELECT unit_ids FROM directory.staff WHERE logins[1] LIKE $1)"
            " WHERE logins[1] LIKE $2",
            f"%{reader.login}",
            f"%{other.login}",
        )
        theirs = ground.issuer.token(str(other.login), ["teller"])
        mine = [await opened.enter_async_context(followed(reader)) for _ in range(OF_ONE)]
        assert [stream.status for stream in mine] == [200] * OF_ONE
        async with followed(reader) as refused:
            assert (refused.status, refused.headers["retry-after"].isdecimal()) == (503, True)
        async with followed(reader, token=theirs) as let_in:
            assert let_in.status == 200, "another's streams are their own"
            async with followed(reader, token=theirs) as too_many:
                assert too_many.status == 503, "of all together there are enough"
        mine[0].hung_up.set()

        async def again() -> bool:
            async with followed(reader) as stream:
                return stream.status == 200

        await until(again)
