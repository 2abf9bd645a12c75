"""Connections of the driver that the parts of a worker keep."""

import asyncio
import time
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
LASTING = {"plan_cache_mode": "force_generic_plan"}
"""Settings of a connection over which effects go: they wait for the disk, before anybody notes that there were any.

Its few statements are planned once; whoever holds it has them planned anew (`Plans`).
"""
REPEATED = {**LASTING, "synchronous_commit": "off"}
"""Settings of a connection that notes how far its work has come: what a server that falls forgets is done again.

It forgets an end of what it was told, never something before what it keeps: ADR 0018.
"""
PLAN_SECONDS = 1.0
"""So long is a plan kept."""


async def durably(connection: Any, query: str, *arguments: Any) -> None:
    """Execute, over a connection that may forget, what must not be forgotten."""
    async with connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit = on")
        await connection.execute(query, *arguments)


class Plans:
    """How old the plans of a connection's statements are.

    To plan a document's statement each time took up to ten times as long as to carry it out. A plan that was kept for
    good, and made while a table was small, took 200 times as long an import later, and ran into limits.
    """

    def __init__(self) -> None:
        self._made = time.monotonic()

    async def renew(self, connection: Any) -> None:
        """Have them made anew, once they are a second old."""
        if time.monotonic() - self._made > PLAN_SECONDS:
            self._made = time.monotonic()
            await connection.execute("DISCARD PLANS")


class HeldConnection:
    """Made again where it was lost."""

    def __init__(self, dsn: str, settings: Mapping[str, str] = REPEATED) -> None:
        self._dsn, self._settings = dsn, dict(settings)
        self._connection: Any = None
        self._plans = Plans()

    async def patiently(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Do some work, again until no failure that passes meets it; whatever else it raises is the caller's."""
        while True:
            try:
                if self._connection is None or self._connection.is_closed():
                    limits = {"timeout": 5, "command_timeout": COMMAND_SECONDS}
                    self._connection = await asyncpg.connect(self._dsn, server_settings=self._settings, **limits)
                await self._plans.renew(self._connection)
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
