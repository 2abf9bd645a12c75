"""Large answers compressed, for who accepts it; for everybody else the way is as short as without."""

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

SMALLEST, LEVEL = 2048, 4
"""Bytes from which on it pays, and how hard to try."""


class Compression:
    def __init__(self, app: ASGIApp) -> None:
        self._plain, self._packed = app, GZipMiddleware(app, minimum_size=SMALLEST, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        accepted = next((value for name, value in scope["headers"] if name == b"accept-encoding"), b"")
        if b"gzip" in accepted:
            await self._packed(scope, receive, send)
            return
        scope["state"]["late_headers"]["Vary"] = "Accept-Encoding"
        await self._plain(scope, receive, send)
