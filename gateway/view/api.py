"""`/api/v1/customers/{customer_id}/360` and many at once."""

from typing import Annotated, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Header, Request
from fastapi import Query as Parameter
from fastapi.responses import Response
from pydantic import Field

from gateway.view.document import etag, forbidden, render
from gateway.view.live import LiveSections
from gateway.view.reading import View
from libs.common.access import Body, CurrentCaller, Query, requires
from libs.common.domain import InvalidValue
from libs.contracts.catalogue import SECTIONS

JSON = "application/json"
AT_ONCE = 100

Names = Annotated[str | None, Parameter(description="Names separated by commas; all by default.")]
IfNoneMatch = Annotated[str | None, Header()]


class Batch(Body):
    customer_ids: Annotated[list[UUID], Field(min_length=1, max_length=AT_ONCE)]
    sections: Annotated[list[str] | None, Field(description="All by default.")] = None


def view_router(view: View, live: LiveSections) -> APIRouter:
    router = APIRouter(prefix="/api/v1/customers", tags=["360° view"])

    @router.get("/{customer_id}/360", dependencies=[requires("view:read")])
    async def view_360(
        customer_id: UUID,
        request: Request,
        uow: Query,
        caller: CurrentCaller,
        sections: Names = None,
        consistency: Annotated[
            Literal["live"] | None, Parameter(description="`live` asks the services themselves.")
        ] = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """Everything known about a customer, section by section, each with its state."""
        names = names_of(sections)
        if consistency == "live":
            await view.one(uow, caller, customer_id, [])
            permitted = [name for name in names if caller.may(f"sections:{name}")]
            answered = {part.section.name: part for part in await live.read(customer_id, permitted, request)}
            parts = [answered.get(name) or forbidden(name) for name in names]
            return Response(render(customer_id, parts), media_type=JSON)
        parts = await view.one(uow, caller, customer_id, names)
        return with_etag(render(customer_id, parts), etag(parts, caller.variant), if_none_match)

    @router.post("/360:batch", dependencies=[requires("view:read")])
    async def view_many(body: Batch, uow: Query, caller: CurrentCaller) -> Response:
        """Up to 100 customers in one statement; `not_found` are unknown or out of scope, nobody learns which."""
        names = names_of(",".join(body.sections) if body.sections else None)
        found = await view.many(uow, caller, body.customer_ids, names)
        items = b",".join(render(customer_id, parts) for customer_id, parts in found.items())
        missing = orjson.dumps([customer_id for customer_id in body.customer_ids if customer_id not in found])
        return Response(b'{"items":[%s],"not_found":%s}' % (items, missing), media_type=JSON)

    return router


def names_of(asked: str | None) -> list[str]:
    names = list(dict.fromkeys(asked.split(","))) if asked else list(SECTIONS)
    if unknown := [name for name in names if name not in SECTIONS]:
        raise InvalidValue("sections", f"Unknown: {', '.join(unknown)[:100]}; known: {', '.join(SECTIONS)}.")
    return names


def with_etag(body: bytes, tag: str, if_none_match: str | None) -> Response:
    """What is stored has versions, and so an ETag; what the services answer has neither."""
    if tag in [known.strip().removeprefix("W/") for known in (if_none_match or "").split(",")]:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(body, headers={"ETag": tag}, media_type=JSON)
