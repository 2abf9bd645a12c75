"""How a route finds out who calls and whether they may, and opens what it reads within their scope.

In this order: authentication, entry, limit, consistency, reason, permission, scope. Commands go on in `commands.py`.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import Depends, Request
from fastapi import Query as Parameter

from libs.common import audited, consistency
from libs.common.audit import AuditTrail
from libs.common.authentication import LEEWAY_SECONDS, Principal, TokenVerifier
from libs.common.caller import Authority, Caller
from libs.common.clients import origin_of
from libs.common.clock import Clock
from libs.common.conditional import NotModified, has, headers_of
from libs.common.database import Database, UnitOfWork
from libs.common.domain import Forbidden, InvalidValue, NotFound
from libs.common.encryption import BlindIndex
from libs.common.keyring import KeyRing
from libs.common.limits import Limiter, RefusedAgain
from libs.common.problems import Problem
from libs.common.settings import Settings

REASON = audited.REASON
READS = ("GET", "HEAD")
WAITS_FOR = consistency.HEADER.lower().encode()


@dataclass(frozen=True, kw_only=True)
class Chassis:
    """What every request of an app shares."""

    settings: Settings
    database: Database
    verifier: TokenVerifier
    authority: Authority
    keyring: KeyRing
    shared_keyring: KeyRing
    consistency: consistency.Consistency
    clock: Clock
    trail: AuditTrail
    blind: BlindIndex
    limiter: Limiter


def chassis(request: Request) -> Chassis:
    return cast("Chassis", request.app.state.chassis)


@dataclass(frozen=True)
class Requires:
    """A route's declared permission. A route without one is not mounted.

    With `step_up` the caller signed in a moment ago, by the stronger means; with `reason` they say why.
    """

    permission: str
    step_up: bool = False
    reason: bool = False
    kind: str | None = None
    """Of which kind its requests count against a limit: `read` for a GET, else `command`, unless it says another."""

    async def __call__(self, request: Request) -> None:
        caller = await _caller(request, self)
        if not caller.may(self.permission):
            raise Forbidden(f"This needs the permission {self.permission}.")
        if self.step_up:
            _require_step_up(chassis(request), cast("Principal", request.state.principal))

    def kind_of(self, request: Request) -> str:
        return self.kind_by(request.method)

    def kind_by(self, method: str) -> str:
        return self.kind or ("read" if method in READS else "command")


@dataclass(frozen=True)
class Forwarded(Requires):
    """A route that only passes on: the token is checked here, permission and scope where it arrives."""

    permission: str = "as the service declares"

    async def __call__(self, request: Request) -> None:
        shared = chassis(request)
        principal = await shared.verifier.verify(request.headers.get("authorization"))
        request.state.principal = principal
        try:
            await _take(request, principal.alias, self.kind_of(request))
        except RefusedAgain:
            raise
        except Problem:
            audited.begin(request, shared, principal, self.permission)  # nobody behind hears of it
            raise


@dataclass(frozen=True)
class Public(Requires):
    """A route for everybody: documentation, nothing else."""

    permission: str = "none"

    async def __call__(self, request: Request) -> None:
        await _take(request, origin_of(request), "open")


def requires(permission: str, *, step_up: bool = False, reason: bool = False, kind: str | None = None) -> Any:
    return Depends(Requires(permission, step_up, reason, kind))


async def _take(request: Request, caller: str, kind: str) -> None:
    """Count the request against its caller's limit, and let the answer tell what is left."""
    request.state.late_headers.update(await chassis(request).limiter.take(caller, kind))


def _require_step_up(shared: Chassis, principal: Principal) -> None:
    """As RFC 9470 has it: the challenge names what is missing."""
    settings = shared.settings
    age = shared.clock.now().timestamp() - (principal.auth_time or 0.0)
    recent = -LEEWAY_SECONDS <= age <= settings.step_up_seconds
    if principal.acr in settings.step_up_acr and recent:
        return
    challenge = (
        'Bearer error="insufficient_user_authentication", error_description="A recent, stronger sign-in is needed", '
        f'acr_values="{" ".join(settings.step_up_acr)}", max_age="{settings.step_up_seconds}"'
    )
    detail = f"This needs a sign-in of the last {settings.step_up_seconds} s, by a stronger means."
    raise Problem(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": challenge})


async def _caller(request: Request, route: Requires) -> Caller:
    shared = chassis(request)
    headers = dict(request.scope["headers"])
    principal = await shared.verifier.verify(headers.get(b"authorization", b"").decode("latin-1"))
    entry = audited.begin(request, shared, principal, route.permission)
    try:
        await _take(request, principal.alias, route.kind_of(request))
    except RefusedAgain:
        audited.drop(request)
        raise
    token = headers.get(WAITS_FOR, b"").decode("latin-1") or None
    if token:
        await shared.consistency.wait(principal, token)
    request.state.principal = principal
    request.state.caller = await shared.authority.caller(principal, fresh=token is not None)
    caller = cast("Caller", request.state.caller)
    entry.actor = caller.id
    if (caller.must_give_reasons or route.reason) and not entry.reason:
        whose = "In your role every request" if caller.must_give_reasons else "This"
        raise Problem(HTTPStatus.BAD_REQUEST, f"{whose} needs a {REASON} header that says why.")
    return caller


# A dependency that is no coroutine would be run in a thread of its own, at several times the cost of what it does.
async def _current_caller(request: Request) -> Caller:
    return caller_of(request)


async def _clock(request: Request) -> Clock:
    return chassis(request).clock


def id_in_path(request: Request, name: str) -> UUID:
    """Raises InvalidValue where the path holds something else."""
    found: dict[str, UUID] = request.scope["state"][audited.IDS]
    if name not in found:
        raise InvalidValue(name, "This is no UUID.")
    return found[name]


def caller_of(request: Request) -> Caller:
    """Who asks, known once the route's permission was required."""
    return cast("Caller", request.state.caller)


class reading:  # noqa: N801 - it is used as a function
    """What `Query` opens. A route that is asked thousands of times a second opens it itself: each dependency costs."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._opened = chassis(request).database.reading(caller_of(request).scope(change=False))

    async def __aenter__(self) -> UnitOfWork:
        self._uow = await self._opened.__aenter__()
        return self._uow

    async def __aexit__(self, kind: type[BaseException] | None, *error: object) -> None:
        await self._opened.__aexit__(kind, *error)
        audited.note(self._request, self._uow)
        if kind is not None:
            return
        if self._uow.shown is None:
            raise RuntimeError("a query must name what it shows: uow.answer(view), page.of(uow, views), uow.about(id)")
        tag = tell_version(self._request, self._uow)
        if tag and self._request.method in READS and has(self._request, tag):
            raise NotModified


async def _own_customer(
    request: Request,
    customer_id: Annotated[UUID | None, Parameter(description="Needed where a login stands for several.")] = None,
) -> UUID:
    own = caller_of(request).own_customer_ids
    if customer_id is None and len(own) > 1:
        raise InvalidValue("customer_id", "You sign in for several customers: name one of them.")
    if customer_id not in (None, *own) or not own:
        raise NotFound.thing("customer")
    return customer_id or own[0]


OwnCustomer = Annotated[UUID, Depends(_own_customer)]


async def _current_staff(request: Request) -> UUID:
    staff_id = caller_of(request).staff_id
    if staff_id is None:
        raise Forbidden("This is for members of staff: it notes who they are.")
    return staff_id


CurrentStaff = Annotated[UUID, Depends(_current_staff)]


async def _query(request: Request) -> AsyncIterator[UnitOfWork]:
    async with reading(request) as uow:
        yield uow


async def _reason_given(request: Request) -> str:
    return str(audited.entry_of(request).reason)


Reason = Annotated[str, Depends(_reason_given)]
"""Why, on a route that requires it."""
CurrentCaller = Annotated[Caller, Depends(_current_caller)]
CurrentClock = Annotated[Clock, Depends(_clock)]
Query = Annotated[UnitOfWork, Depends(_query, scope="function")]


def tell_version(request: Request, uow: UnitOfWork) -> str | None:
    """Returns the tag, where there is one."""
    if uow.answered is None:
        return None
    told = headers_of(uow, uow.answered)
    request.state.late_headers.update(told)
    return told.get("ETag")
