"""`/api/v1/org-units`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from libs.common.access import CurrentClock, Query, requires
from libs.common.commands import command
from libs.common.database import UnitOfWork
from libs.common.pages import CurrentPage, Page
from services.manager.api.schemas import NewOrgUnit, OrgUnitView
from services.manager.domain.org_unit import OrgUnitKind
from services.manager.storage.queries import list_org_units
from services.manager.storage.repository import OrgUnitRepository
from services.manager.use_cases.organising import open_org_unit

router = APIRouter(prefix="/api/v1/org-units", tags=["organisation"])


async def show(uow: UnitOfWork, unit_id: UUID) -> OrgUnitView:
    return OrgUnitView.of(await OrgUnitRepository(uow).get(unit_id))


Create = Annotated[UnitOfWork, command(show, conditional=False)]


@router.post("", status_code=201, dependencies=[requires("org_units:change")])
async def open_(body: NewOrgUnit, uow: Create, clock: CurrentClock) -> OrgUnitView:
    return uow.answer(OrgUnitView.of(await open_org_unit(uow, **dict(body), at=clock.now())))


@router.get("", dependencies=[requires("org_units:read")])
async def find(
    uow: Query, page: CurrentPage, code: str | None = None, kind: OrgUnitKind | None = None
) -> Page[OrgUnitView]:
    rows = await list_org_units(uow, code=code, kind=kind, after=page.after, limit=page.limit)
    return page.of(uow, [OrgUnitView.of(row) for row in rows])


@router.get("/{unit_id}", dependencies=[requires("org_units:read")])
async def read(unit_id: UUID, uow: Query) -> OrgUnitView:
    return uow.answer(await show(uow, unit_id))
