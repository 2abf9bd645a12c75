"""What a request writes into the audit trail: begun once it is known who calls, written before they are answered."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, cast
from uuid import UUID

from fastapi import Request
from starlette.types import Scope

from libs.common.audit import AuditTrail, Entry
from libs.common.authentication import Principal
from libs.common.clients import HEADER, origin_of, origin_told
from libs.common.codes import has_number
from libs.common.database import UnitOfWork
from libs.common.ids import new_id
from libs.common.problems import Problem
from libs.common.tracing import trace_id

if TYPE_CHECKING:
    from libs.common.access import Chassis

REASON = "Guanxi-Reason"
LONGEST_REASON = 200
PLACES_IN_A_LIST = {"cursor", "limit"}
ENTRY, WRITTEN = "audit_entry", "audit_written"


def begin(request: Request, shared: "Chassis", principal: Principal, permission: str) -> Entry:
    """The entry of this request; whoever is denied later leaves it too.

    Raises:
        Problem: 400 for a reason that is too long, or holds a number that may be somebody's.
    """
    told = origin_told(shared.shared_keyring, request.headers.get(HEADER, ""), shared.clock)
    entry = Entry(
        at=shared.clock.now(),
        service=shared.settings.service,
        actor=f"login {sha256(principal.login.encode()).hexdigest()[:16]}",
        permission=permission,
        method=request.method,
        route=request.scope["route"].path,
        origin=told or origin_of(request),
        trace_id=trace_id() or "",
        thing_ids=_ids(request.path_params.values()),
        customer_ids=_ids([request.path_params.get("customer_id", "")]),
    )
    asked = [(name, value) for name, value in request.query_params.items() if name not in PLACES_IN_A_LIST]
    entry.terms = [_blind(shared, name, value) for name, value in asked]
    request.scope["state"][ENTRY] = entry
    request.state.blind_term = lambda term: _blind(shared, *term.split("=", 1))
    entry.reason = _reason(request)
    return entry


@contextmanager
def noting(request: Request, uow: UnitOfWork) -> Iterator[None]:
    """Whatever comes of the request, note whom it was about."""
    try:
        yield
    finally:
        _note(request, uow)


async def write(request: Request, uow: UnitOfWork, status: int) -> None:
    """Before a change is committed: none is without its entry."""
    _note(request, uow)
    await ensure_written(request.scope, cast("AuditTrail", request.app.state.chassis.trail), status)


async def ensure_written(scope: Scope, trail: AuditTrail, status: int) -> None:
    """Write the request's entry, unless that says already how it is answered.

    Raises:
        NotWritten: then nothing may be answered but 503.
    """
    state = scope["state"]
    entry: Entry | None = state.get(ENTRY)
    if entry is None or state.get(WRITTEN) == status:
        return
    state[WRITTEN] = status
    await trail.write(replace(entry, id=new_id(), status=int(status)))


def _note(request: Request, uow: UnitOfWork) -> None:
    entry: Entry = request.scope["state"][ENTRY]
    entry.thing_ids = list(dict.fromkeys([*entry.thing_ids, *(uow.shown or [])]))
    entry.customer_ids = list(dict.fromkeys([*entry.customer_ids, *uow.concerned]))
    entry.terms = list(dict.fromkeys([*entry.terms, *map(request.state.blind_term, uow.terms)]))


def _ids(texts: Iterable[str]) -> list[UUID]:
    """Those that are ids: what else stands in a path is refused later."""
    found = []
    for text in texts:
        with suppress(ValueError):
            found.append(UUID(text))
    return found


def _blind(shared: "Chassis", name: str, value: str) -> str:
    index = shared.blind.index(f"audit {name}", value).hex()[:32] if value.strip(" -") else "empty"
    return f"{name}={index}"


def _reason(request: Request) -> str | None:
    reason = request.headers.get(REASON, "").strip()
    if len(reason) > LONGEST_REASON or has_number(reason):
        detail = f"{REASON} has at most {LONGEST_REASON} characters, and no number that may be somebody's."
        raise Problem(HTTPStatus.BAD_REQUEST, detail)
    return reason or None
