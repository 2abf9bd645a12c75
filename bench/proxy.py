"""A stretch of network that can be made slow, silent or broken: bytes from one port of this machine to another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum


class Way(Enum):
    OPEN = "open"
    SILENT = "silent"
    """Connections are taken and bytes swallowed: nobody answers."""
    BROKEN = "broken"
    """Connections are closed as soon as something is said."""


@dataclass
class Proxy:
    """Everything that comes back is late by `delay` seconds."""

    target: int
    port: int = 0
    way: Way = Way.OPEN
    delay: float = 0.0
    breaks: int = 0
    """So many of the next requests are cut off, whatever the way."""
    taken: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def hang_up(self) -> None:
        """Break every connection there is."""
        for writer in self._open:
            writer.transport.abort()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.taken += 1
        self._open.add(writer)
        try:
            there_reader, there = await asyncio.open_connection("127.0.0.1", self.target)
            self._open.add(there)
            try:
                await asyncio.gather(self._pump(reader, there), self._pump(there_reader, writer, is_back=True))
            finally:
                self._open.discard(there)
                there.transport.abort()
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    def _is_cut_off(self) -> bool:
        if not self.breaks:
            return False
        self.breaks -= 1
        return True

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_back: bool = False) -> None:
        while piece := await source.read(65536):
            if self.way is Way.BROKEN or (not is_back and self._is_cut_off()):
                raise ConnectionResetError
            if self.way is Way.SILENT:
                continue
            if is_back and self.delay:
                asyncio.get_running_loop().call_later(self.delay, sink.write, piece)
            else:
                sink.write(piece)
        raise ConnectionResetError


@asynccontextmanager
async def proxy_to(target: int) -> AsyncIterator[Proxy]:
    made = Proxy(target)
    server = await asyncio.start_server(made.carry, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        made.hang_up()
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await server.wait_closed()
