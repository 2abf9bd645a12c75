"""The merged document, and a stream that nobody reads."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.types import Message

from gateway.changes.api import Told
from gateway.docs import merge


def test_a_service_that_is_away_leaves_the_others_documented() -> None:
    there = {"paths": {"/api/v1/things": {"get": {}}}, "components": {"schemas": {"Problem": {}, "Thing": {}}}}
    merged = merge({"there": there, "away": {}})
    assert set(merged["paths"]) == {"/api/v1/things"}
    assert "Thing" in merged["components"]["schemas"]
    assert merge({})["paths"] == {}


async def test_a_stream_that_nobody_reads_ends_and_gives_its_place_back() -> None:
    ended = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"id: 1\n\n"
        finally:
            ended.set()

    async def never(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    told = Told(pieces())
    told.stalled = 0.05
    with pytest.raises(TimeoutError):
        await told.stream_response(never)
    assert ended.is_set()
