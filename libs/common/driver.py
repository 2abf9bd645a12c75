"""Statements compiled once and run on the driver itself: a hot read costs half of what it costs through a session."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

_DIALECT = PGDialect_asyncpg()  # type: ignore[no-untyped-call] # it brings no types


@dataclass(frozen=True)
class Statement:
    """SQL with `$1 …`, and what is known of its parameters; the rest is given by name with each call."""

    sql: str
    names: tuple[str, ...]
    known: dict[str, Any]

    def arguments(self, given: dict[str, Any]) -> list[Any]:
        return [given[name] if name in given else self.known[name] for name in self.names]


def compiled(select: Select[Any]) -> Statement:
    """Values that stand in the statement stay with it; every `bindparam` without a value is to be given."""
    done = select.compile(dialect=_DIALECT)
    return Statement(done.string, tuple(done.positiontup or ()), dict(done.params))


class Connections:
    """A few connections of the driver, each statement on one of them a transaction of its own.

    The driver's own pool makes a task each time that a connection is given back, and resets what no single statement
    leaves behind: a tenth of a hot read. What comes to no good end here costs its connection instead.
    """

    def __init__(self, dsn: str, most: int, seconds: float) -> None:
        self._dsn, self._seconds = dsn, seconds
        self._places = asyncio.Semaphore(most)
        self._idle: list[Any] = []

    async def fetch(self, sql: str, arguments: Sequence[Any]) -> Sequence[Any]:
        """Rows.

        Raises:
            TimeoutError: all were in use for too long.
            asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError: as the driver has it.
        """
        if self._places.locked():  # to wait with a limit costs, and mostly there is nothing to wait for
            async with asyncio.timeout(self._seconds):
                await self._places.acquire()
        else:
            await self._places.acquire()
        try:
            connection = await self._connected()
            try:
                rows: Sequence[Any] = await connection.fetch(sql, *arguments)
            except BaseException:
                connection.terminate()
                raise
            self._idle.append(connection)
            return rows
        finally:
            self._places.release()

    async def _connected(self) -> Any:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return await asyncpg.connect(self._dsn, timeout=self._seconds)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().terminate()
