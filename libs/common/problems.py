"""Errors as RFC 9457 problem documents. A 500 says nothing but its trace id."""

from http import HTTPStatus
from typing import Any

import asyncpg
import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import compile_path

from libs.common.audit import NotWritten
from libs.common.authentication import NotAuthenticated
from libs.common.bounds import Refused
from libs.common.cursor import BadCursor
from libs.common.domain import (
    AuthorityStale,
    Conflict,
    DomainError,
    Forbidden,
    InvalidValue,
    MoveNotAllowed,
    NotFound,
    Outdated,
)
from libs.common.issuers import IssuerAway
from libs.common.metrics import DENIED
from libs.common.tracing import trace_id
from libs.common.transient import passing

MEDIA_TYPE = "application/problem+json"
RETRY_SOON = {"Retry-After": "1"}

STATUS: dict[type[DomainError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    InvalidValue: HTTPStatus.UNPROCESSABLE_ENTITY,
    Conflict: HTTPStatus.CONFLICT,
    MoveNotAllowed: HTTPStatus.CONFLICT,
    Forbidden: HTTPStatus.FORBIDDEN,
    Outdated: HTTPStatus.PRECONDITION_FAILED,
    AuthorityStale: HTTPStatus.SERVICE_UNAVAILABLE,
}


UNSTORABLE = "22021"
"""SQLSTATE of a character that is not in the database's repertoire, such as NUL."""


class Problem(Exception):
    """An answer other than success, raised at the edge."""

    def __init__(
        self, status: HTTPStatus, detail: str, *, headers: dict[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers, self.members = status, detail, headers or {}, members


def problem(status: HTTPStatus, detail: str, *, headers: dict[str, str] | None = None, **members: Any) -> Response:
    """A problem document. `type` is about:blank: the status says the kind, `detail` and members the rest."""
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    document = {**body, "trace_id": trace_id(), **members}
    return Response(orjson.dumps(document), status.value, headers=headers, media_type=MEDIA_TYPE)


def install_problems(app: FastAPI) -> None:
    handlers: dict[type[Exception], Any] = {
        Problem: _problem,
        DomainError: _domain_error,
        NotAuthenticated: _not_authenticated,
        IssuerAway: _issuer_away,
        BadCursor: _bad_cursor,
        RequestValidationError: _invalid_request,
        HTTPException: _http_exception,
        ClientDisconnect: _hung_up,
        StaleDataError: _lost_race,
        IntegrityError: _integrity,
        DBAPIError: _database,
        asyncpg.PostgresError: _database,
        asyncpg.InterfaceError: _database,
        asyncpg.InternalClientError: _database,
        PoolTimeout: _unavailable,
        OSError: _unavailable,
        NotWritten: _unavailable,
        Exception: _unexpected,
    }
    for error, handler in handlers.items():
        app.add_exception_handler(error, handler)


async def _problem(_request: Request, error: Problem) -> Response:
    return problem(error.status, error.detail, headers=error.headers, **error.members)


async def _domain_error(_request: Request, error: DomainError) -> Response:
    status = STATUS[type(error)]
    members: dict[str, Any] = {}
    if isinstance(error, InvalidValue):
        members["errors"] = [{"field": error.field, "detail": str(error)}]
    if isinstance(error, MoveNotAllowed):
        members["allowed"] = error.allowed
    headers = RETRY_SOON if status is HTTPStatus.SERVICE_UNAVAILABLE else None
    return problem(status, str(error), headers=headers, **members)


async def _not_authenticated(_request: Request, _error: NotAuthenticated) -> Response:
    DENIED.labels(HTTPStatus.UNAUTHORIZED.value).inc()
    detail = "A valid bearer token is needed."
    return problem(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": "Bearer"})


async def _issuer_away(_request: Request, _error: IssuerAway) -> Response:
    detail = "Who signed this token cannot be asked for its keys now; try again."
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=RETRY_SOON)


async def _bad_cursor(_request: Request, error: BadCursor) -> Response:
    errors = [{"field": "cursor", "detail": str(error)}]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), errors=errors)


async def _invalid_request(request: Request, error: RequestValidationError) -> Response:
    if any(e["loc"][:1] == ("path",) for e in error.errors()):
        named = _allowed(request, names_alone=True)
        if named and request.method not in named:
            return _not_allowed(named)  # a name that stands where others have an id
    errors = [_wrong(e["type"], e["loc"], e["msg"]) for e in error.errors()]
    detail = "; ".join(f"{e['field']}: {e['detail']}" for e in errors[:5])
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=errors)


def _wrong(kind: str, location: tuple[Any, ...], message: str) -> dict[str, str]:
    if kind == "json_invalid":  # then the location ends with a character's place
        return {"field": "body", "detail": f"This is not JSON, from character {location[-1]} on."}
    return {"field": _field(location), "detail": message}


def _field(location: tuple[Any, ...]) -> str:
    """`("body", "documents", 0, "number")` → `documents.0.number`."""
    return ".".join(str(part) for part in location[1:]) or str(location[0])


async def _http_exception(request: Request, error: HTTPException) -> Response:
    status = HTTPStatus(error.status_code)
    detail = error.detail if isinstance(error, Refused) else status.description or status.phrase
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        return _not_allowed(_allowed(request, names_alone=True) or _allowed(request))
    return problem(status, detail, headers=dict(error.headers or {}))


def _not_allowed(allowed: set[str]) -> Response:
    status = HTTPStatus.METHOD_NOT_ALLOWED
    return problem(status, status.description, headers={"Allow": ", ".join(sorted(allowed))})


def _allowed(request: Request, *, names_alone: bool = False) -> set[str]:
    """What is done to this path, by whichever route: the error knows of one alone."""
    app: FastAPI = request.app
    paths = [(str(route.path), route.methods or ()) for route in iter_route_contexts(app.routes) if route.path]
    wanted = [(path, methods) for path, methods in paths if not (names_alone and "{" in path)]
    found = [methods for path, methods in wanted if compile_path(path)[0].match(request.url.path)]
    return {method for methods in found for method in methods}


async def _hung_up(_request: Request, _error: ClientDisconnect) -> Response:
    """Nobody reads this; it is no error of ours."""
    return problem(HTTPStatus.BAD_REQUEST, "The connection ended before the body did.")


async def _lost_race(request: Request, _error: StaleDataError) -> Response:
    detail = "Somebody else changed it at the same moment; read it again."
    conditional = "if-match" in request.headers
    return problem(HTTPStatus.PRECONDITION_FAILED if conditional else HTTPStatus.CONFLICT, detail)


async def _integrity(_request: Request, error: IntegrityError) -> Response:
    """A unique constraint is named `uq_<table>_<column>` (`libs/common/tables.py`), and so names the field."""
    cause = getattr(error.orig, "__cause__", None)
    table, constraint = getattr(cause, "table_name", None), getattr(cause, "constraint_name", None) or ""
    field = constraint.removeprefix(f"uq_{table}_")
    if field == constraint:
        return problem(HTTPStatus.CONFLICT, "It contradicts something that is already stored.")
    detail = f"This {field} is taken already."
    return problem(HTTPStatus.CONFLICT, detail, errors=[{"field": field, "detail": detail}])


async def _database(request: Request, error: Exception) -> Response:
    if getattr(getattr(error, "orig", error), "sqlstate", None) == UNSTORABLE:
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "A text holds a character that cannot be stored.")
    if passing(error):
        return await _unavailable(request, error)
    raise error


async def _unexpected(_request: Request, _error: Exception) -> Response:
    """Says nothing of the cause: it is logged by kind and place, and found by the trace id."""
    detail = "Something went wrong here; nothing was changed."
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail)


async def _unavailable(_request: Request, _error: Exception) -> Response:
    return unavailable()


def unavailable() -> Response:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "The database is busy or away; try again.", headers=RETRY_SOON)
