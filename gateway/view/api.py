"""`/api/v1/customers/{customer_id}/360` and many at once."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Request
from fastapi import Query as Parameter
from fastapi.responses import Response
from pydantic import Field

from gateway.view.document import etag, forbidden, narrowed, render
from gateway.view.live import LiveSections
from gateway.view.reading import View
from gateway.view.schemas import Customer360, Customers360
from libs.common import audited
from libs.common.access import CurrentCaller, Query, caller_of, id_in_path, reading, requires
from libs.common.conditional import has
from libs.common.database import UnitOfWork
from libs.common.domain import InvalidValue
from libs.common.hot import HotRoute
from libs.common.schemas import Body
from libs.contracts.catalogue import SECTIONS
from libs.directory.reading import require_customer

JSON = "application/json"
AT_ONCE = 100
NOTHING: Mapping[str, str] = {}

Names = Annotated[str | None, Parameter(description="Names separated by commas; all by default.")]


PATH = "/{customer_id}/360"
PARAMETERS = [
    {"name": name, "in": where, "required": where == "path", "description": description, "schema": schema}
    for name, where, description, schema in (
        ("customer_id", "path", "", {"type": "string", "format": "uuid"}),
        ("sections", "query", "Names separated by commas; all by default.", {"type": "string"}),
        ("consistency", "query", "`live` asks the services themselves.", {"type": "string", "enum": ["live"]}),
    )
]


class Batch(Body):
    customer_ids: Annotated[list[UUID], Field(min_length=1, max_length=AT_ONCE)]
    sections: Annotated[list[str] | None, Field(description="All by default.")] = None


def view_router(view: View, live: LiveSections) -> APIRouter:
    router = APIRouter(prefix="/api/v1/customers", tags=["view"], route_class=HotRoute)

    @router.get(
        PATH, dependencies=[requires("view:read")], openapi_extra={"parameters": PARAMETERS}, response_model=Customer360
    )
    async def view_360(request: Request) -> Response:
        """Everything known about a customer, section by section, each with its state."""
        asked: Mapping[str, str] = request.query_params if request.scope["query_string"] else NOTHING
        caller, customer_id = caller_of(request), id_in_path(request, "customer_id")
        names = names_of(asked.get("sections"))
        await audited.write_ahead(request)
        async with reading(request) as uow:
            if "consistency" in asked:
                return await _live(customer_id, names, request, uow)
            parts = await view.one(uow, caller, customer_id, names)
            body, tag = render(customer_id, parts), etag(parts, f"{caller.variant} {uow.scope.outlines}")
        return with_etag(request, body, tag)

    async def _live(customer_id: UUID, names: list[str], request: Request, uow: UnitOfWork) -> Response:
        if request.query_params["consistency"] != "live":
            raise InvalidValue("consistency", "There is `live`, or nothing.")
        caller = caller_of(request)
        await require_customer(uow, customer_id)
        permitted = [name for name in names if caller.may(f"sections:{name}")]
        answered = {part.section.name: part for part in await live.read(customer_id, permitted, request)}
        if uow.scope.outlines:
            answered = {n: p._replace(section=narrowed(p.section, caller.variant)) for n, p in answered.items()}
        return Response(render(customer_id, [answered.get(n) or forbidden(n) for n in names]), media_type=JSON)

    return router


def batch_router(view: View) -> APIRouter:
    router = APIRouter(prefix="/api/v1/customers", tags=["view"])

    @router.post("/360:batch", dependencies=[requires("view:read", kind="batch")], response_model=Customers360)
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


def with_etag(request: Request, body: bytes, tag: str) -> Response:
    """What is stored has versions, and so an ETag; what the services answer has neither."""
    if has(request, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    return Response(body, headers={"ETag": tag}, media_type=JSON)
