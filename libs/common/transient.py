"""Which failures pass by themselves: another try, a little later, may not meet them."""

import asyncpg
from aiokafka.errors import KafkaError
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

BUSY_STATES = {"55P03", "57014", "25P03", "25P04", "40001", "40P01", "53300", "57P01", "57P02", "57P03"}
"""SQLSTATEs that pass: lock and statement timeouts, serialization, too many connections, a server that restarts."""

CUT_OFF = {"57014", "25P04"}
"""SQLSTATEs of the statement's and the transaction's time limit."""

CONNECTION_FAILURE = "08"
"""The class of SQLSTATEs that speak of the connection."""


def passing(error: BaseException) -> bool:
    """True for a failure of a connection, a lock, a serialization, a server that restarts."""
    if isinstance(error, DBAPIError):
        lost = error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError))
        return lost or _passes(_state(error))
    if isinstance(error, asyncpg.PostgresError):
        return _passes(_state(error))
    # An InternalClientError is what a driver's connection says that was lost between two of its messages.
    lost_connection = (OSError, TimeoutError, PoolTimeout, asyncpg.InterfaceError, asyncpg.InternalClientError)
    return isinstance(error, (*lost_connection, KafkaError))


def slow(error: BaseException) -> bool:
    """True where the database's limits cut the work off: it may be too much for one transaction."""
    return _state(error) in CUT_OFF


def contested(error: BaseException) -> bool:
    """True where another transaction got there first: a new try sees what it stored."""
    return isinstance(error, (StaleDataError, IntegrityError))


def _state(error: BaseException) -> str | None:
    """The SQLSTATE, of whichever layer's error."""
    state: str | None = getattr(error.orig if isinstance(error, DBAPIError) else error, "sqlstate", None)
    return state


def _passes(state: str | None) -> bool:
    return state is None or state in BUSY_STATES or state.startswith(CONNECTION_FAILURE)
