"""Statements compiled once and run on the driver itself, which costs half of what it costs through a session."""

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
