"""Connections of the driver that the parts of a worker keep."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import asyncpg
import structlog

from libs.common.transient import passing

log = structlog.get_logger()

T = TypeVar("T")

RETRY_SECONDS = 0.5
COMMAND_SECONDS = 15.0
"""Longer than the server itself allows; so much, and no answer, is a network that lost one."""
REPEATED = {"synchronous_commit": "off", "plan_cache_mode": "force_custom_plan"}
"""Settings of a connection that notes how far its work has come: what a server that falls forgets is done again.

It forgets an end of what it was told, never something before what it keeps: ADR 0018. Its statements are planned each
time: a plan that was kept while a table was small took 200 times as long for it an import later, and ran into limits.
"""

LASTING = {"plan_cache_mode": "force_custom_plan"}
"""Settings of a connection over which effects go: they wait for the disk, before anybody notes that there were any."""


async def durably(connection: Any, query: str, *arguments: Any) -> None:
    """Execute, over a connection that may forget, what must not be forgotten."""
    async with connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit = on")
        await connection.execute(query, *arguments)


class HeldConnection:
    """Made again where it was lost."""

    def __init__(self, dsn: str, settings: Mapping[str, str] = REPEATED) -> None:
        self._dsn, self._settings = dsn, dict(settings)
        self._connection: Any = None

    async def patiently(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Do some work, again until no failure that passes meets it; whatever else it raises is the caller's."""
        while True:
            try:
                if self._connection is None or self._connection.is_closed():
                    limits = {"timeout": 5, "command_timeout": COMMAND_SECONDS}
                    self._connection = await asyncpg.connect(self._dsn, server_settings=self._settings, **limits)
                return await work(self._connection)
            except Exception as error:
                if not passing(error):
                    raise
                log.warning("waiting for the database", cause=type(error).__name__)
                self.hang_up()
                await asyncio.sleep(RETRY_SECONDS)

    def hang_up(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
