"""One connection of the driver that a part of a worker keeps, and makes again where it was lost."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg
import structlog

from libs.common.transient import passing

log = structlog.get_logger()

T = TypeVar("T")

RETRY_SECONDS = 0.5
COMMAND_SECONDS = 15.0
"""Longer than the server itself allows; so much, and no answer, is a network that lost one."""
PATIENT = {"statement_timeout": "0", "transaction_timeout": "0", "lock_timeout": "30s"}
"""Settings of a connection that goes through all there is, without the app's limits of time."""


class HeldConnection:
    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Any = None

    async def patiently(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Do some work, again until no failure that passes meets it; whatever else it raises is the caller's."""
        while True:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await asyncpg.connect(self._dsn, timeout=5, command_timeout=COMMAND_SECONDS)
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
