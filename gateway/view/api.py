"""`/api/v1/customers/{customer_id}/360`."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Request
from fastapi import Query as Parameter
from fastapi.responses import Response

from gateway.view.document import Shown, State, etag, render, shown
from gateway.view.live import LiveSections
from gateway.view.storage import Section, read_sections
from libs.common.access import CurrentCaller, CurrentClock, Query, chassis, requires
from libs.common.domain import InvalidValue
from libs.contracts.catalogue import SECTIONS


def view_router(live: LiveSections) -> APIRouter:
    router = APIRouter(prefix="/api/v1/customers", tags=["360° view"])

    @router.get("/{customer_id}/360", dependencies=[requires("view:read")])
    async def view_360(
        customer_id: UUID,
        request: Request,
        uow: Query,
        caller: CurrentCaller,
        clock: CurrentClock,
        sections: Annotated[str | None, Parameter(description="Names separated by commas; all by default.")] = None,
        consistency: Annotated[
            Literal["live"] | None, Parameter(description="`live` asks the services themselves.")
        ] = None,
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Everything known about a customer, section by section, each with its state."""
        names = _names(sections)
        stored = await read_sections(uow, customer_id, names, caller.variant)
        permitted = [name for name in names if caller.may(f"sections:{name}")]
        if consistency == "live":
            await uow.session.close()
            answered = await live.read(customer_id, permitted, request.headers)
            return Response(render(customer_id, _with_forbidden(names, answered)), media_type="application/json")
        stale_after = chassis(request).settings.section_stale_after
        parts = [
            shown(section, permitted=section.name in permitted, now=clock.now(), stale_after=stale_after)
            for section in stored
        ]
        return _stored(customer_id, parts, caller.variant, if_none_match)

    return router


def _names(asked: str | None) -> list[str]:
    names = list(dict.fromkeys(asked.split(","))) if asked else list(SECTIONS)
    if unknown := [name for name in names if name not in SECTIONS]:
        raise InvalidValue("sections", f"Unknown: {', '.join(unknown)[:100]}; known: {', '.join(SECTIONS)}.")
    return names


def _with_forbidden(names: list[str], answered: list[Shown]) -> list[Shown]:
    by_name = {part.section.name: part for part in answered}
    nothing = {"version": None, "changed_at": None, "as_of": None, "document": None}
    return [by_name.get(name) or Shown(Section(name=name, **nothing), State.FORBIDDEN) for name in names]


def _stored(customer_id: UUID, parts: list[Shown], variant: str, if_none_match: str | None) -> Response:
    """What is stored has versions, and so an ETag; what the services answer has neither."""
    tag = etag(parts, variant)
    if tag in [known.strip().removeprefix("W/") for known in (if_none_match or "").split(",")]:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(render(customer_id, parts), headers={"ETag": tag}, media_type="application/json")
