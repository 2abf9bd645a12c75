"""A section asked of its service: the publisher's own query, so the same bytes as in the 360° view."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import select

from libs.common import audited
from libs.common.access import Requires, caller_of, chassis, id_in_path, reading
from libs.common.caller import Scope
from libs.common.clients import HEADER, require_client
from libs.common.domain import NotFound
from libs.common.driver import ASKED, ByScope, Statement, compiled
from libs.common.hot import HotRoute
from libs.common.publication import Publication

PATH = "/sections/{customer_id}"
PARAMETERS = [{"name": "customer_id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}]


@dataclass(frozen=True)
class AppsOnly(Requires):
    """For an app of the platform that shows who it is, and for nobody else, whatever they may."""

    async def __call__(self, request: Request) -> None:
        shared = chassis(request)
        require_client(shared.shared_keyring, request.headers.get(HEADER, ""), shared.clock)
        await super().__call__(request)


def live_router(publications: Sequence[Publication]) -> APIRouter:
    section = f"SELECT (document::jsonb -> $2)::text FROM ({publications[0].query}) AS d (key, document)"  # noqa: S608 - ours
    document = Statement(section, ("customer_ids", "variant"), {})
    permitted = [Depends(AppsOnly(publications[0].permission))]
    router = APIRouter(prefix="/internal/v1", route_class=HotRoute)

    @router.get(PATH, dependencies=permitted, openapi_extra={"parameters": PARAMETERS})
    async def live_section(request: Request) -> Response:
        """`null` where there is none."""
        customer_id = id_in_path(request, "customer_id")
        await audited.write_ahead(request)
        async with reading(request) as uow:
            uow.about(customer_id)
            ((is_within_reach,),) = await uow.fetch(_REACHED.of(uow.scope), asked=customer_id)
            if not is_within_reach:
                raise NotFound.thing("customer")
            rows = await uow.fetch(document, customer_ids=[customer_id], variant=caller_of(request).variant)
        return Response(rows[0][0] if rows and rows[0][0] else b"null", media_type="application/json")

    return router


def _reached(scope: Scope) -> Statement:
    return compiled(select(scope.customers(ASKED)))


_REACHED = ByScope(_reached)
