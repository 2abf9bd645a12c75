"""`/api/v1/me`: what customers see of themselves, signed in as themselves. It reads their `self` documents only."""

from collections.abc import Awaitable, Callable

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from gateway.view.api import Names, names_of, with_etag
from gateway.view.document import etag, render
from gateway.view.reading import View
from gateway.view.schemas import OwnCustomer360, OwnList
from libs.common.access import CurrentCaller, OwnCustomer, Query, requires

PARTS = {
    "accounts": ("profile", "holdings"),
    "contact-points": ("profile", "contact_points"),
    "complaints": ("complaints", "complaints"),
    "managers": ("relationship", "managers"),
}
"""Part → the section that holds it, and its name there."""


def me_router(view: View) -> APIRouter:
    router = APIRouter(prefix="/api/v1/me", tags=["me"])

    @router.get("/view", dependencies=[requires("me:read")], response_model=OwnCustomer360)
    async def own_view(
        request: Request, own: OwnCustomer, uow: Query, caller: CurrentCaller, sections: Names = None
    ) -> Response:
        """Everything that the bank shows a customer of themselves."""
        parts = await view.one(uow, caller, own, names_of(sections))
        return with_etag(request, render(own, parts), etag(parts, "self"))

    for part in PARTS:
        router.get(f"/{part}", name=f"own_{part}", dependencies=[requires("me:read")], response_model=OwnList)(
            _part(view, part)
        )
    return router


def _part(view: View, part: str) -> Callable[..., Awaitable[Response]]:
    section, name = PARTS[part]

    async def own_part(request: Request, own: OwnCustomer, uow: Query, caller: CurrentCaller) -> Response:
        """One list of it, with the state of the section that it comes from."""
        (found,) = await view.one(uow, caller, own, [section])
        document = orjson.loads(found.section.document or "{}")
        body = {"state": found.state, "as_of": found.as_of, "version": document.get("version")}
        listed = orjson.dumps({**body, "items": document.get(name, [])}, option=orjson.OPT_UTC_Z)
        return with_etag(request, listed, etag([found], f"self {part}"))

    return own_part
