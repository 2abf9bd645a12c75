"""The pipe that a program writes its output to."""

import asyncio
import os
from collections.abc import Callable

_LONGEST_LINE = 1_000_000


class OutputPipe:
    """A pipe of our own: asyncio's would hide a program's end while a child of it still holds the pipe."""

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()

    def close_write_end(self) -> None:
        """Once the program has its copy: the pipe then ends with the program and its children."""
        os.close(self.write_end)

    def close_read_end(self) -> None:
        os.close(self._read_end)

    async def read_lines(self, take: Callable[[bytes], None]) -> None:
        """Give each line to `take`, without its end, until nobody writes any more; closes the pipe."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(self._read_end, "rb", buffering=0)
        )
        try:
            await _split(reader, take)
        finally:
            transport.close()


async def _split(reader: asyncio.StreamReader, take: Callable[[bytes], None]) -> None:
    rest = b""
    while chunk := await reader.read(65536):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            take(line)
        if len(rest) > _LONGEST_LINE:
            take(rest)
            rest = b""
    if rest:
        take(rest)
