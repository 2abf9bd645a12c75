"""A section asked of its service: the publisher's own query, so the same bytes as in the 360° view."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import literal, select

from libs.common.access import Chassis, CurrentCaller, Query, chassis, requires
from libs.common.clients import HEADER, require_client
from libs.common.database import UnitOfWork
from libs.common.domain import NotFound
from libs.common.publication import Publication


async def _known_client(request: Request) -> None:
    shared: Chassis = chassis(request)
    require_client(shared.shared_keyring, request.headers.get(HEADER, ""), shared.clock)


def live_router(publications: Sequence[Publication]) -> APIRouter:
    section = publications[0]
    router = APIRouter(prefix="/internal/v1", dependencies=[Depends(_known_client), requires("view:read")])

    @router.get("/sections/{customer_id}")
    async def live_section(customer_id: UUID, uow: Query, caller: CurrentCaller) -> Response:
        uow.about(customer_id)
        inside = (await uow.session.execute(select(uow.scope.customers(literal(customer_id))))).scalar_one()
        if not inside:
            raise NotFound.thing("customer")
        document = await _document(uow, section, customer_id, caller.variant)
        return Response(document or b"null", media_type="application/json")

    return router


async def _document(uow: UnitOfWork, section: Publication, customer_id: UUID, variant: str) -> str | None:
    connection = await (await uow.session.connection()).get_raw_connection()
    driver: Any = connection.driver_connection
    query = f"SELECT (document::jsonb -> $2)::text FROM ({section.query}) AS d (key, document)"  # noqa: S608 - ours
    found: str | None = await driver.fetchval(query, [customer_id], variant)
    return found
