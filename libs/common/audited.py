"""What a request writes into the audit trail: begun once it is known who calls, written before they are answered."""

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
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
CREDENTIAL, WHY = HEADER.lower().encode(), REASON.lower().encode()
LONGEST_REASON = 200
FILTER = re.compile("[a-z_]{1,40}")
MOST_TERMS = 20
PLACES_IN_A_LIST = {"cursor", "limit"}
WHOSE = "customer_id"
ENTRY, WRITTEN, AHEAD, IDS = "audit_entry", "audit_written", "audit_ahead", "ids_in_path"


def begin(request: Request, shared: "Chassis", principal: Principal, permission: str) -> Entry:
    """The entry of this request; whoever is denied later leaves it too.

    Raises:
        Problem: 400 for a reason that is too long, or holds a number that may be somebody's.
    """
    headers, ids = dict(request.scope["headers"]), _ids(request.path_params)
    request.scope["state"][IDS] = ids
    credential = headers.get(CREDENTIAL, b"").decode("latin-1")
    told = origin_told(shared.shared_keyring, credential, shared.clock) if credential else None
    entry = Entry(
        at=shared.clock.now(),
        service=shared.settings.service,
        actor=principal.alias,
        permission=permission,
        method=request.method,
        route=request.scope["route"].path,
        origin=told or origin_of(request),
        trace_id=trace_id() or "",
        thing_ids=list(ids.values()),
        customer_ids=[ids[WHOSE]] if WHOSE in ids else [],
    )
    request.scope["state"][ENTRY] = entry
    if request.scope["query_string"]:
        asked = [(name, value) for name, value in request.query_params.multi_items() if name not in PLACES_IN_A_LIST]
        if len(asked) > MOST_TERMS:
            raise Problem(HTTPStatus.BAD_REQUEST, f"A request has at most {MOST_TERMS} parameters.")
        entry.customer_ids += [id_ for name, id_ in _ids(dict(asked)).items() if name == WHOSE]
        entry.terms = [_blind(shared, name, value) for name, value in asked]
    if told_why := headers.get(WHY):
        entry.reason = _reason(told_why.decode(errors="replace").strip())
    return entry


def drop(request: Request) -> None:
    """Leave no entry of this request."""
    del request.scope["state"][ENTRY]


def entry_of(request: Request) -> Entry:
    return cast("Entry", request.scope["state"][ENTRY])


async def write(request: Request, uow: UnitOfWork, status: int) -> None:
    """Before a change is committed: none is without its entry."""
    note(request, uow)
    await ensure_written(request.scope, cast("AuditTrail", request.app.state.chassis.trail), status)


async def write_ahead(request: Request) -> None:
    """Of one thing that is named, and not yet known to be shown: its entry becomes durable while it is read.

    It says that this was asked for (102); whoever is refused then leaves another, which follows it.
    """
    entry, state = entry_of(request), request.scope["state"]
    entry.status = state[WRITTEN] = int(HTTPStatus.PROCESSING)
    state[AHEAD] = request.app.state.chassis.trail.begin(entry)
    await asyncio.sleep(0)  # on its way before the read is: it takes the longest


async def ensure_written(scope: Scope, trail: AuditTrail, status: int) -> None:
    """Write the request's entry, unless that says already how it is answered.

    Raises:
        NotWritten: then nothing may be answered but 503.
    """
    state = scope["state"]
    entry: Entry | None = state.get(ENTRY)
    if entry is None or state.get(WRITTEN) == status:
        return
    if AHEAD in state:
        await state[AHEAD]
        if status < HTTPStatus.BAD_REQUEST:
            return
    if WRITTEN in state:  # it says how it was meant to be answered
        entry = replace(entry, id=new_id(), follows=entry.id)
    entry.status = state[WRITTEN] = int(status)
    await trail.write(entry)


def note(request: Request, uow: UnitOfWork) -> None:
    """Take over whom the request was about, whatever comes of it."""
    entry = entry_of(request)
    if uow.shown:
        entry.thing_ids = list(dict.fromkeys([*entry.thing_ids, *uow.shown]))
    if uow.concerned != entry.customer_ids:
        entry.customer_ids = list(dict.fromkeys([*entry.customer_ids, *uow.concerned]))
    while uow.terms:
        entry.terms.append(_blind(request.app.state.chassis, *uow.terms.pop().split("=", 1)))


def _ids(named: Mapping[str, str]) -> dict[str, UUID]:
    """Those that are ids: what else stands in a path is refused later."""
    found = {}
    for name, text in named.items():
        with suppress(ValueError):
            found[name] = UUID(text)
    return found


def _blind(shared: "Chassis", name: str, value: str) -> str:
    name = name if FILTER.fullmatch(name) else "unknown"  # a name that somebody made up may tell as much as a value
    try:
        return f"{name}={shared.blind.index(f'audit {name}', value).hex()[:32]}"
    except ValueError:  # nothing in it that could be found
        return f"{name}=empty"


def _reason(reason: str) -> str | None:
    if len(reason) > LONGEST_REASON or has_number(reason):
        detail = f"{REASON} has at most {LONGEST_REASON} characters, and no number that may be somebody's."
        raise Problem(HTTPStatus.BAD_REQUEST, detail)
    return reason or None
