"""How a command opens a unit of work: was it done before, is what it changes current, what did it answer.

After permission and scope, in this order: replay of a repeated command, If-Match, the change, its audit entry, commit.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NoReturn, cast
from uuid import UUID

from fastapi import Depends, Request, Response

from libs.common import audited, consistency, idempotency
from libs.common.access import Chassis, caller_of, chassis, tell_version
from libs.common.authentication import Principal
from libs.common.conditional import headers_of, version_of
from libs.common.database import UnitOfWork
from libs.common.domain import NotFound
from libs.common.problems import Problem
from libs.common.schemas import View

Show = Callable[[UnitOfWork, UUID], Awaitable[View]]


@dataclass(frozen=True)
class Command:
    """Opens a unit of work that changes things. `show` renders the resource again for a repeated command.

    With `of_readers` it is for whoever may see the resource: it changes nothing of a customer's.
    """

    show: Show
    conditional: bool
    of_readers: bool = False

    async def __call__(self, request: Request) -> AsyncIterator[UnitOfWork]:
        shared, principal = chassis(request), cast("Principal", request.state.principal)
        attempt = None
        if request.method == "POST":
            attempt = await idempotency.Attempt.of(request, principal, shared.keyring)
        scope = caller_of(request).scope(change=not self.of_readers)
        async with shared.database.unit_of_work(scope) as uow:
            try:
                if attempt and (first := await attempt.first_answer(uow)):
                    await _replay(shared, principal, first, self.show, uow)
                uow.expected_version = _if_match(request) if self.conditional else None
                yield uow
            finally:
                audited.note(request, uow)
            await _remember(request, uow, attempt)
        tell_version(request, uow)
        if token := shared.consistency.token(principal, uow.written):
            request.state.late_headers[consistency.HEADER] = token


def command(show: Show, *, conditional: bool, of_readers: bool = False) -> Any:
    # The commit must happen before the answer goes out: see docs/adr/0001.
    return Depends(Command(show, conditional, of_readers), scope="function")


async def _replay(
    shared: Chassis, principal: Principal, first: idempotency.FirstAnswer, show: Show, uow: UnitOfWork
) -> NoReturn:
    """Answer as the first time. Whose scope rests on what the command wrote sees it once that has come round."""
    has_come_round = await shared.consistency.holds(first.written)  # asked first: it may come round while we look
    try:
        view = await show(uow, first.resource_id)
    except NotFound:
        if not has_come_round:
            raise consistency.too_slow() from None
        raise
    uow.show([view])
    token = shared.consistency.token(principal, first.written)
    raise Replayed(first.status, uow.as_seen(view), headers_of(uow, view), token)


async def _remember(request: Request, uow: UnitOfWork, attempt: idempotency.Attempt | None) -> None:
    if uow.answered is None:
        raise RuntimeError("a command must name what it answers: uow.answer(view)")
    status, resource_id = request.scope["route"].status_code or HTTPStatus.OK, uow.answered.id
    if attempt:
        uow.remember(attempt.answer(status, resource_id))
    await audited.write(request, uow, status)


def _if_match(request: Request) -> int:
    value = request.headers.get("if-match")
    if value is None:
        detail = "This change needs an If-Match header with the ETag that you last read."
        raise Problem(HTTPStatus.PRECONDITION_REQUIRED, detail)
    return version_of(value)


class Replayed(Exception):
    """Not an error: the command was carried out before, and this is its answer again."""

    def __init__(self, status: int, view: View, headers: dict[str, str], token: str | None) -> None:
        super().__init__()
        self.status, self.view, self.headers, self.token = status, view, headers, token


async def replayed(_request: Request, replay: Replayed) -> Response:
    headers = {"Idempotency-Replayed": "true", **replay.headers}
    if replay.token:
        headers[consistency.HEADER] = replay.token
    body = replay.view.model_dump_json()
    return Response(body, replay.status, headers=headers, media_type="application/json")
