"""The gateway's one HTTP client, made when first needed, since it belongs to a running loop."""

import aiohttp

from gateway.settings import GatewaySettings
from libs.common.tls import client_context

CONNECT_SECONDS = 1.0
CONNECTIONS = 200


class Upstreams:
    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._settings.upstream_timeout, sock_connect=CONNECT_SECONDS)
            self._session = aiohttp.ClientSession(
                timeout=timeout,
                connector=aiohttp.TCPConnector(limit=CONNECTIONS, ssl=client_context(self._settings)),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
