"""The driver's own connections: what they may end with, and a few that are kept for single statements."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import asyncpg

DRIVER_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a statement may end with; the last is said of a connection that was lost between two of its messages."""
PATIENT = {"statement_timeout": "0", "transaction_timeout": "0", "lock_timeout": "30s"}
"""Settings of a connection that goes through all there is, without the app's limits of time."""
STATEMENT_SECONDS = 15.0
"""Longer than the server itself allows; so much, and no answer, is a network that lost one."""
IDLE_SECONDS = 240.0
"""Less than networks between here and a database forget connections after."""


class Connections:
    """A few connections of the driver, each statement on one of them a transaction of its own.

    The driver's own pool makes a task each time that a connection is given back, and resets what no single statement
    leaves behind: a tenth of a hot read. `seconds` are those that somebody waits for a connection.
    """

    def __init__(self, dsn: str, most: int, seconds: float) -> None:
        self._dsn, self._seconds = dsn, seconds
        self._places = asyncio.Semaphore(most)
        self.used = 0
        self._idle: list[tuple[float, Any]] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def idle(self) -> int:
        return len(self._idle)

    async def fetch(self, sql: str, arguments: Sequence[Any]) -> Sequence[Any]:
        """Rows.

        Raises:
            TimeoutError: all were in use for too long, or the server did not answer.
            DRIVER_ERRORS: as the driver has them.
        """
        if self._places.locked():  # to wait with a limit costs, and mostly there is nothing to wait for
            async with asyncio.timeout(self._seconds):
                await self._places.acquire()
        else:
            await self._places.acquire()
        self.used += 1
        try:
            connection = await self._connected()
        except BaseException:
            self._free()
            raise
        try:
            rows: Sequence[Any] = await connection.fetch(sql, *arguments, timeout=STATEMENT_SECONDS)
        except asyncpg.PostgresError:
            self._give_back(connection)
            raise
        except BaseException:
            self._end(connection)
            raise
        self._give_back(connection)
        return rows

    async def close(self) -> None:
        """End those that are idle; those in use end when they are given back."""
        self._closed = True
        while self._idle:
            self._idle.pop()[1].terminate()
        await asyncio.gather(*self._ending)

    async def _connected(self) -> Any:
        while self._idle:
            since, connection = self._idle.pop()
            if not connection.is_closed() and time.monotonic() - since < IDLE_SECONDS:
                return connection
            connection.terminate()
        # A statement that the driver keeps too long is prepared anew, and then one wait of its own has no limit.
        return await asyncpg.connect(self._dsn, timeout=self._seconds, max_cached_statement_lifetime=0)

    def _give_back(self, connection: Any) -> None:
        now = time.monotonic()
        if self._closed:
            connection.terminate()
        else:
            self._idle.append((now, connection))
        if self._idle and now - self._idle[0][0] > IDLE_SECONDS:
            self._idle.pop(0)[1].terminate()
        self._free()

    def _end(self, connection: Any) -> None:
        """Of a statement that somebody gave up: its place is free once the server gave it up too."""
        ending = asyncio.create_task(self._hang_up(connection))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def _hang_up(self, connection: Any) -> None:
        try:
            await connection.close(timeout=self._seconds)
        except DRIVER_ERRORS:
            connection.terminate()
        finally:
            self._free()

    def _free(self) -> None:
        self.used -= 1
        self._places.release()
