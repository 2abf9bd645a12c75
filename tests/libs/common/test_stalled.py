"""An answer that nobody reads is given up, and one that is read slowly is not."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from libs.common import bounds
from tests.libs.common.probe import Probe
from tests.served import listening

PIECE = bytes(32 * 1024 * 1024)
"""Far more than the machine itself holds between the two ends of a connection."""


class Telling:
    """Answers without an end, and knows whether it was made to stop."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await StreamingResponse(self._pieces())(scope, receive, send)

    async def _pieces(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield PIECE
                await asyncio.sleep(0)
        finally:
            self.ended.set()


@pytest.fixture
def telling() -> Telling:
    return Telling()


@pytest.fixture
async def port(probe: Probe, telling: Telling, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(bounds, "STALLED_SECONDS", 0.3)
    async with listening(telling, probe.settings) as port:
        yield port


async def test_an_answer_that_nobody_reads_is_given_up(port: int, telling: Telling) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.wait_for(telling.ended.wait(), 10)
    writer.close()


async def test_who_reads_slowly_is_waited_for(port: int, telling: Telling) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    for _ in range(10):
        await reader.readexactly(2 * 1024 * 1024)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(telling.ended.wait(), 0.2)
    writer.close()
    await asyncio.wait_for(telling.ended.wait(), 10)
