"""`/api/v1/changes`: customers followed live, as Server-Sent Events (WHATWG HTML, 9.2).

An event says that a section of a customer has another version; what stands in it is read at the view. The stream ends
with the caller's token, and is taken up again by `Last-Event-ID`.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, cast
from uuid import UUID

import orjson
from fastapi import APIRouter, Header, Request
from fastapi import Query as Parameter
from fastapi.responses import StreamingResponse
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.types import Send

from gateway.changes.storage import START, Change, Place, of_customers, remembers
from gateway.changes.tail import Follower, Tail, TooMany
from gateway.view.reading import View
from libs.common.access import CurrentCaller, Query, chassis, requires
from libs.common.authentication import Principal
from libs.common.domain import AuthorityStale, Forbidden, InvalidValue, NotFound
from libs.common.problems import RETRY_SOON, Problem
from libs.directory.reading import is_within_reach

BEAT_SECONDS = 15.0
MOST_CUSTOMERS = 100
MEDIA_TYPE = "text/event-stream"
EXAMPLE = 'id: 7012-311\nevent: section.changed\ndata: {"customer_id":"…","section":"profile","version":3}\n\n'
SHOWN: dict[int | str, dict[str, Any]] = {
    200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": EXAMPLE}}}
}
Ids = Annotated[str | None, Parameter(description="Up to 100 ids separated by commas; one's own by default.")]
LastEventId = Annotated[str | None, Header(description="Of the last event that you have.")]


def changes_router(view: View, tail: Tail) -> APIRouter:
    router = APIRouter(prefix="/api/v1/changes", tags=["view"])

    @router.get(
        "", dependencies=[requires("view:read", kind="stream")], response_class=StreamingResponse, responses=SHOWN
    )
    async def follow(
        request: Request, uow: Query, caller: CurrentCaller, customer_ids: Ids = None, last_event_id: LastEventId = None
    ) -> StreamingResponse:
        """Customers' sections as they change: `subscribed` names whom, `reset` says that something was missed."""
        since = Place.read(last_event_id) if last_event_id else None
        if last_event_id and since is None:
            raise InvalidValue("Last-Event-ID", "This is no id of an event.")
        wanted = _ids(customer_ids) if customer_ids else list(caller.own_customer_ids)
        found = list(await view.many(uow, caller, wanted, [])) if wanted else []
        if not found:
            raise NotFound.thing("customer")
        try:
            tail.admit(cast("Principal", request.state.principal).login)
        except TooMany:
            detail = "Too many streams are open already, of yours or of all; try again."
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=RETRY_SOON) from None
        stream = Stream(request, tail, found, since)
        return Told(stream.told(), media_type=MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})

    return router


def _ids(told: str) -> list[UUID]:
    try:
        ids = list(dict.fromkeys(UUID(part) for part in told.split(",")))
    except ValueError:
        raise InvalidValue("customer_ids", "These are no UUIDs separated by commas.") from None
    if len(ids) > MOST_CUSTOMERS:
        raise InvalidValue("customer_ids", f"{MOST_CUSTOMERS} at most.")
    return ids


class Told(StreamingResponse):
    """Gives its place back as soon as the caller hangs up."""

    async def stream_response(self, send: Send) -> None:
        async with aclosing(cast("AsyncGenerator[bytes]", self.body_iterator)):
            await super().stream_response(send)


@dataclass(frozen=True)
class Stream:
    """What one caller is told. Whether they still may see a customer is asked anew for each event."""

    request: Request
    tail: Tail
    customer_ids: Sequence[UUID]
    since: Place | None

    @property
    def principal(self) -> Principal:
        return cast("Principal", self.request.state.principal)

    async def told(self) -> AsyncIterator[bytes]:
        """Ends with the token, and where nobody can say what the caller may see: they come back, and miss nothing."""
        with suppress(TooMany, AuthorityStale, TimeoutError, OSError, PoolTimeout):
            async with self.tail.following(self.principal.login, self.customer_ids) as follower:
                async for piece in self._pieces(follower):
                    yield piece
                    if time.time() >= self.principal.expires_at:
                        return

    async def _pieces(self, follower: Follower) -> AsyncIterator[bytes]:
        place = self.tail.place or START
        subscribed = {"customer_ids": [str(id_) for id_ in self.customer_ids]}
        if self.since is None:
            yield _event("subscribed", subscribed, place)
        else:
            yield _event("subscribed", subscribed)
            if await remembers(chassis(self.request).database, self.since):
                place = self.since
                async for change in self._missed(place):
                    yield _changed(change)
                    place = change.place
            else:
                yield _event("reset", {}, place)
        while not follower.fell_behind:
            heard = await follower.next(min(BEAT_SECONDS, max(self.principal.expires_at - time.time(), 0.0)))
            if heard is None:
                # Nothing waits that was told meanwhile: so far, nothing happened to these customers.
                place = max(place, self.tail.place or place) if follower.is_idle else place
                yield b"id: %s\n\n" % str(place).encode()
            elif heard.place > place and await self._may_see(heard):
                place = heard.place
                yield _changed(heard)
        yield _event("reset", {})

    async def _missed(self, place: Place) -> AsyncIterator[Change]:
        changes = await of_customers(chassis(self.request).database, place, self.customer_ids)
        while changes:
            for change in changes:
                if await self._may_see(change):
                    yield change
            last = changes[-1].place
            changes = await of_customers(chassis(self.request).database, last, self.customer_ids)

    async def _may_see(self, change: Change) -> bool:
        """Raises AuthorityStale where that cannot be said now."""
        shared = chassis(self.request)
        async with self.tail.checks:
            try:
                caller = await shared.authority.caller(self.principal, fresh=False)
            except Forbidden:
                return False
            if not (caller.may("view:read") and caller.may(f"sections:{change.section}")):
                return False
            async with shared.database.reading(caller.scope(change=False)) as uow:
                return await is_within_reach(uow, change.customer_id)


def _changed(change: Change) -> bytes:
    data = {"customer_id": str(change.customer_id), "section": change.section, "version": change.version}
    return _event("section.changed", data, change.place)


def _event(name: str, data: dict[str, Any], place: Place | None = None) -> bytes:
    """With its place, from which a stream is taken up again."""
    id_ = b"id: %s\n" % str(place).encode() if place else b""
    return b"%sevent: %s\ndata: %s\n\n" % (id_, name.encode(), orjson.dumps(data))
