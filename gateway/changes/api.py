"""`/api/v1/changes`: customers followed live, as Server-Sent Events (WHATWG HTML, 9.2).

An event says that a section of a customer has another version; what stands in it is read at the view. The stream ends
with the caller's token, and is taken up again by `Last-Event-ID`.
"""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, cast
from uuid import UUID

import orjson
from fastapi import APIRouter, Header, Request
from fastapi import Query as Parameter
from fastapi.responses import StreamingResponse

from gateway.changes.storage import Change, Place, of_customers, remembers
from gateway.changes.tail import Follower, Tail
from gateway.view.reading import View
from libs.common.access import CurrentCaller, Query, chassis, requires
from libs.common.authentication import Principal
from libs.common.domain import DomainError, InvalidValue, NotFound
from libs.common.problems import RETRY_SOON, Problem

BEAT_SECONDS = 15.0
MOST_CUSTOMERS = 100
MEDIA_TYPE = "text/event-stream"
EXAMPLE = 'id: 7012-311\nevent: section.changed\ndata: {"customer_id":"…","section":"profile","version":3}\n\n'
SHOWN: dict[int | str, dict[str, Any]] = {
    200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": EXAMPLE}}}
}
Ids = Annotated[str | None, Parameter(description="Up to 100 ids separated by commas; one's own by default.")]
LastEventId = Annotated[str | None, Header(description="Of the last event that you have.")]


def changes_router(view: View, tail: Tail, most_streams: int) -> APIRouter:
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
        if tail.count >= most_streams:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "Too many follow already; try again.", headers=RETRY_SOON)
        stream = Stream(request, view, tail, found, since)
        return StreamingResponse(stream.told(), media_type=MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})

    return router


def _ids(told: str) -> list[UUID]:
    try:
        ids = list(dict.fromkeys(UUID(part) for part in told.split(",")))
    except ValueError:
        raise InvalidValue("customer_ids", "These are no UUIDs separated by commas.") from None
    if len(ids) > MOST_CUSTOMERS:
        raise InvalidValue("customer_ids", f"{MOST_CUSTOMERS} at most.")
    return ids


@dataclass(frozen=True)
class Stream:
    """What one caller is told. Whether they still may see a customer is asked anew for each event."""

    request: Request
    view: View
    tail: Tail
    customer_ids: Sequence[UUID]
    since: Place | None

    async def told(self) -> AsyncIterator[bytes]:
        async with self.tail.following(self.customer_ids) as follower:
            yield _event("subscribed", {"customer_ids": [str(id_) for id_ in self.customer_ids]})
            place = self.since
            if place is not None:
                database = chassis(self.request).database
                if not await remembers(database, place):
                    yield _event("reset", {})
                for change in await of_customers(database, place, self.customer_ids):
                    place = change.place
                    if await self._may_see(change):
                        yield _changed(change)
            async for piece in self._live(follower, place):
                yield piece

    async def _live(self, follower: Follower, place: Place | None) -> AsyncIterator[bytes]:
        principal = cast("Principal", self.request.state.principal)
        while time.time() < principal.expires_at:
            change = await follower.next(min(BEAT_SECONDS, max(principal.expires_at - time.time(), 0.0)))
            if follower.fell_behind:
                yield _event("reset", {})
                return
            if change is None:
                yield b": still here\n\n"
            elif (place is None or change.place > place) and await self._may_see(change):
                yield _changed(change)

    async def _may_see(self, change: Change) -> bool:
        shared, principal = chassis(self.request), cast("Principal", self.request.state.principal)
        try:
            caller = await shared.authority.caller(principal, fresh=False)
        except DomainError:
            return False
        if not (caller.may("view:read") and caller.may(f"sections:{change.section}")):
            return False
        async with shared.database.reading(caller.scope(change=False)) as uow:
            return change.customer_id in await self.view.many(uow, caller, [change.customer_id], [])


def _changed(change: Change) -> bytes:
    data = {"customer_id": str(change.customer_id), "section": change.section, "version": change.version}
    return b"id: %s\n%s" % (str(change.place).encode(), _event("section.changed", data))


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(data))
