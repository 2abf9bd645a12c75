"""Load over HTTP/1.1 on kept connections: each sends its next request once the last is answered.

Small on purpose: whatever the client spends, the server does not get on a machine of two cores.
"""

import asyncio
import itertools
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

TICKS = 100
"""USER_HZ: the unit of /proc/<pid>/stat."""


@dataclass
class Round:
    """What one round measured. Latencies in seconds; `cpu` are the server's seconds of processor time."""

    seconds: float
    latencies: list[float] = field(repr=False)
    failed: int
    cpu: float

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    @property
    def cpu_each(self) -> float:
        """Microseconds of the server's processor for one request."""
        return self.cpu / len(self.latencies) * 1e6 if self.latencies else float("nan")

    def quantile(self, share: float) -> float:
        """Milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000 if ordered else float("nan")


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], until: float, done: "asyncio.Future[None]") -> None:
        self._requests, self._until, self._done = requests, until, done
        self.latencies: list[float] = []
        self.failed = 0
        self._buffer = bytearray()
        self._needed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._needed:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._buffer[:end]).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._needed = end + 4 + int(length or b"0")
            self.failed += not head.startswith(b"http/1.1 2")
        if len(self._buffer) >= self._needed:
            self._answered()

    def _answered(self) -> None:
        now = time.perf_counter()
        self.latencies.append(now - self._sent)
        del self._buffer[: self._needed]
        self._needed = 0
        if now < self._until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


def request(path: str, headers: dict[str, str], method: str = "GET", body: bytes = b"") -> bytes:
    told = {"Host": "bench", **headers, **({"Content-Length": str(len(body))} if body else {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


async def run(port: int, requests: Iterable[bytes], *, connections: int, seconds: float, pid: int) -> Round:
    """One round against a server on loopback, whose process is `pid`."""
    loop = asyncio.get_running_loop()
    began, spent = time.perf_counter(), cpu_seconds(pid)
    endless = requests if isinstance(requests, Iterator) else itertools.cycle(requests)
    opened = []
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        _, protocol = await loop.create_connection(
            lambda done=done: _Connection(endless, began + seconds, done),  # type: ignore[misc] # bound at once
            "127.0.0.1",
            port,
        )
        opened.append((protocol, done))
    await asyncio.gather(*[done for _, done in opened])
    took, cpu = time.perf_counter() - began, cpu_seconds(pid) - spent
    latencies = [latency for protocol, _ in opened for latency in protocol.latencies]
    return Round(took, latencies, sum(protocol.failed for protocol, _ in opened), cpu)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
