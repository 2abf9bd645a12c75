"""What a request may take before anybody looks at it, and its answer afterwards: bytes, and seconds to send them."""

import asyncio
import time
from http import HTTPStatus
from itertools import chain
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from libs.common.metrics import DENIED

LARGEST_HEAD = 16 * 1024
HEAD_SECONDS = 10.0
IDLE_SECONDS = 75
"""So long is a connection kept between two requests: longer than a proxy keeps it, which is a minute with most.

The server must not be the first to close: what a proxy sends into that moment is lost, and it cannot ask again.
"""
STALLED_SECONDS = 30.0
"""So long may nothing of an answer be read, before its connection and all that it holds is given up."""
FRAMING = {b"content-length", b"transfer-encoding"}
ONCE = {
    b"authorization", b"content-type", b"guanxi-client", b"guanxi-consistency", b"guanxi-reason", b"host",
    b"idempotency-key", b"if-match", *FRAMING,
}  # fmt: skip
"""Headers of which two would leave open which of them counts."""


class Refused(HTTPException):
    """Too much, or too slow. The connection cannot be used again: what follows on it was never read."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(status, detail, {"Connection": "close"})
        DENIED.labels(int(status)).inc()


def check_head(scope: Scope, largest_body: int) -> None:
    """Raises Refused for a head that is too large, and for one that could be read in two ways; likewise of the body."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    size = sum(map(len, chain.from_iterable(headers))) + len(scope["raw_path"]) + len(scope["query_string"])
    if size > LARGEST_HEAD:
        raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"A request's head has at most {LARGEST_HEAD} bytes.")
    told = dict(headers)
    if len(told) < len(headers):
        names = [name for name, _ in headers]
        if twice := sorted(name for name in ONCE if names.count(name) > 1):
            raise Refused(HTTPStatus.BAD_REQUEST, f"This header stands once in a request: {twice[0].decode()}.")
    length = told.get(b"content-length", b"0")
    if not length.isdigit() or told.keys() >= FRAMING:
        raise Refused(HTTPStatus.BAD_REQUEST, "A body has one length, as a number, or comes in chunks.")
    if int(length) > largest_body:
        raise _too_large(largest_body)


class BoundedBody:
    """Passes a request's body on, up to its bounds. `refused` tells a forwarder why it ended."""

    def __init__(self, receive: Receive, largest: int, seconds: float) -> None:
        self._receive, self._largest = receive, largest
        self._deadline = time.monotonic() + seconds
        self._read = 0
        self._whole = False
        self.refused: Refused | None = None

    async def __call__(self) -> Message:
        if self._whole:  # what comes now is the caller hanging up, whenever that is
            return await self._receive()
        try:
            async with asyncio.timeout(self._deadline - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise self._refuse(Refused(HTTPStatus.REQUEST_TIMEOUT, "The body did not come in time.")) from None
        self._read += len(message.get("body", b""))
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)
        if self._read > self._largest:
            raise self._refuse(_too_large(self._largest))
        return message

    def _refuse(self, refused: Refused) -> Refused:
        self.refused = refused
        return refused


def _too_large(largest: int) -> Refused:
    return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A request's body has at most {largest} bytes.")


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 in which a head comes to its end, and an answer is read: the server itself would wait, and store.

    Over TLS the transport tells nothing of what lies encrypted: there a whole answer is given up IDLE_SECONDS and the
    time of TLS's own farewell (30 s) after it was written, however it is read.
    """

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._head_bytes, self._in_head = 0, True
        self._head_ends_by: asyncio.TimerHandle | None = None
        self._read_by: asyncio.TimerHandle | None = None
        self._await_head()

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head or self._is_at_rest():  # a head that came in one piece, as most do, is not waited for
            self._await_head()
            if self._head_bytes > LARGEST_HEAD:
                self._hang_up(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _is_at_rest(self) -> bool:
        """Something came that begins no head, such as an empty line, and nothing else would end the connection."""
        return self.timeout_keep_alive_task is None and (self.cycle is None or self.cycle.response_complete)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._is_read()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The caller reads slower than we write."""
        super().pause_writing()
        self._await_reading()

    def resume_writing(self) -> None:
        self._is_read()
        super().resume_writing()

    def _await_reading(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._read_by = self.loop.call_later(STALLED_SECONDS, self._look_again, left)

    def _look_again(self, before: int) -> None:
        if self.transport.get_write_buffer_size() < before:
            self._await_reading()
        else:
            self.transport.abort()

    def _is_read(self) -> None:
        if self._read_by is not None:
            self._read_by.cancel()
            self._read_by = None

    def _await_head(self) -> None:
        if self._head_ends_by is None:
            self._head_ends_by = self.loop.call_later(HEAD_SECONDS, self._hang_up, HTTPStatus.REQUEST_TIMEOUT)

    def _stop_waiting(self) -> None:
        if self._head_ends_by is not None:
            self._head_ends_by.cancel()
            self._head_ends_by = None
        self._head_bytes, self._in_head = 0, False

    def _hang_up(self, status: HTTPStatus) -> None:
        DENIED.labels(int(status)).inc()
        if not self.transport.is_closing():
            self.transport.write(f"HTTP/1.1 {int(status)} {status.phrase}\r\nconnection: close\r\n\r\n".encode())
            self.transport.close()
