"""Statements compiled once and run on the driver itself, which costs half of what it costs through a session."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

import asyncpg
from sqlalchemy import BindParameter, Connection, Select, Uuid, bindparam
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.orm import Session

from libs.common.caller import Scope

DRIVER_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a statement may end with; the last is said of a connection that was lost between two of its messages."""
STATEMENT_SECONDS = 15.0
"""Longer than the server itself allows; so much, and no answer, is a network that lost one."""
IDLE_SECONDS = 240.0
"""Less than networks between here and a database forget connections after."""

StatementT = TypeVar("StatementT")
ASKED: BindParameter[UUID] = bindparam("asked", type_=Uuid)
"""The one id that a statement asks for, where it is built before that is known."""
ADAPTED = "connection of the driver"

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


def within(session: Session, sql: str, *arguments: Any) -> Sequence[Any]:
    """Rows of a statement in the session's own transaction, which sees nothing that was not flushed.

    Raises:
        DRIVER_ERRORS: as the driver has them; DBAPIError where the connection was lost.
    """
    adapted: Any = session.info.get(ADAPTED)
    if adapted is None:  # to ask for it costs
        adapted = session.info[ADAPTED] = session.connection().connection.dbapi_connection

    async def fetch(connection: Any) -> Sequence[Any]:
        if not connection.is_in_transaction():
            transaction = connection.transaction()
            await transaction.start()
            adapted._transaction = transaction  # noqa: SLF001 - as it does itself before the session's first statement
        rows: Sequence[Any] = await connection.fetch(sql, *arguments)
        return rows

    try:
        rows: Sequence[Any] = adapted.run_async(fetch)
    except BaseException as error:
        _let_go(session.connection(), adapted.driver_connection, error)
        raise
    return rows


def _let_go(pooled: Connection, connection: Any, error: BaseException) -> None:
    """As SQLAlchemy does after an error of its own: the pool hears of a connection that is good no more."""
    if isinstance(error, asyncpg.InternalClientError):
        connection.terminate()
    if connection.is_closed():
        pooled.exec_driver_sql("SELECT 1")  # raises, and all that are as old are given up
    elif not isinstance(error, Exception):
        pooled.invalidate(error)  # whoever was cancelled leaves it in any state


class ByScope(Generic[StatementT]):
    """A statement for each scope, and each kind of it, built once: a scope lives while its caller is remembered."""

    def __init__(self, build: Callable[..., StatementT]) -> None:
        """`build` takes a scope, and what tells the kinds apart."""
        self._build = build
        self._held: WeakKeyDictionary[Scope, dict[tuple[Any, ...], StatementT]] = WeakKeyDictionary()

    def of(self, scope: Scope, *kind: Any) -> StatementT:
        kinds = self._held.get(scope)
        if kinds is None:
            kinds = self._held[scope] = {}
        statement = kinds.get(kind)
        if statement is None:
            statement = kinds[kind] = self._build(scope, *kind)
        return statement


class Connections:
    """A few connections of the driver, each statement on one of them a transaction of its own.

    The driver's own pool makes a task each time that a connection is given back, and resets what no single statement
    leaves behind: a tenth of a hot read. `seconds` are those that somebody waits for a connection.
    """

    def __init__(self, dsn: str, most: int, seconds: float) -> None:
        self._dsn, self._seconds = dsn, seconds
        self._places = asyncio.Semaphore(most)
        self._idle: list[tuple[float, Any]] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

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
        try:
            connection = await self._connected()
        except BaseException:
            self._places.release()
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
        self._places.release()

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
            self._places.release()
