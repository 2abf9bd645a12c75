"""The services behind the gateway, each with connections and a gate of its own: one that hangs holds up no other."""

import aiohttp

from gateway.settings import GatewaySettings, Upstream
from gateway.upstream.gate import Gate
from libs.common.bounds import IDLE_SECONDS
from libs.common.tls import client_context

CONNECT_SECONDS = 1.0
KEPT_SECONDS = IDLE_SECONDS / 5
"""Idle connections are left long before the service closes them: what is sent into that moment is lost."""


class UpstreamClient:
    """One service. Its connections are made when first needed, since they belong to a running loop."""

    def __init__(self, name: str, at: Upstream, settings: GatewaySettings) -> None:
        self.name, self.at = name, at
        self.gate = Gate(name, settings.upstream_connections)
        self.longest = settings.upstream_timeout
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            settings = self._settings
            timeout = aiohttp.ClientTimeout(total=settings.upstream_timeout, sock_connect=CONNECT_SECONDS)
            # The gate is narrower: nobody waits here for a connection.
            connector = aiohttp.TCPConnector(
                limit=2 * settings.upstream_connections, ssl=client_context(settings), keepalive_timeout=KEPT_SECONDS
            )
            self._session = aiohttp.ClientSession(
                timeout=timeout, connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            )
            # By itself it sends a PUT and a DELETE again: under If-Match that is refused, though the first was done.
            self._session._retry_connection = False  # noqa: SLF001 - there is no other way to say so
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class Upstreams:
    """All of them, by name."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._clients = {name: UpstreamClient(name, at, settings) for name, at in settings.upstreams.items()}

    def __getitem__(self, name: str) -> UpstreamClient:
        return self._clients[name]

    @property
    def all(self) -> list[UpstreamClient]:
        return list(self._clients.values())

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()
