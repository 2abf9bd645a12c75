"""`/api/v1/ethical-walls`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from libs.common.access import CurrentClock, Query, requires
from libs.common.commands import command
from libs.common.database import UnitOfWork
from libs.common.pages import CurrentPage, Page
from services.manager.api.schemas import EthicalWallView, NewEthicalWall, Reason
from services.manager.storage.queries import list_ethical_walls
from services.manager.storage.repository import EthicalWallRepository
from services.manager.use_cases.granting import lift_wall, raise_wall

router = APIRouter(prefix="/api/v1/ethical-walls", tags=["ethical walls"])


async def show(uow: UnitOfWork, wall_id: UUID) -> EthicalWallView:
    return EthicalWallView.of(await EthicalWallRepository(uow).get(wall_id))


Create = Annotated[UnitOfWork, command(show, conditional=False)]
Change = Annotated[UnitOfWork, command(show, conditional=True)]


@router.post("", status_code=201, dependencies=[requires("ethical_walls:change")])
async def raise_(body: NewEthicalWall, uow: Create, clock: CurrentClock) -> EthicalWallView:
    return uow.answer(EthicalWallView.of(await raise_wall(uow, **dict(body), at=clock.now())))


@router.get("", dependencies=[requires("ethical_walls:read")])
async def find(
    uow: Query,
    page: CurrentPage,
    customer_id: UUID | None = None,
    staff_id: UUID | None = None,
    *,
    standing: bool | None = None,
) -> Page[EthicalWallView]:
    rows = await list_ethical_walls(
        uow, customer_id=customer_id, staff_id=staff_id, standing=standing, after=page.after, limit=page.limit
    )
    return page.of(uow, [EthicalWallView.of(row) for row in rows])


@router.get("/{wall_id}", dependencies=[requires("ethical_walls:read")])
async def read(wall_id: UUID, uow: Query) -> EthicalWallView:
    return uow.answer(await show(uow, wall_id))


@router.post("/{wall_id}/lift", dependencies=[requires("ethical_walls:change")])
async def lift(wall_id: UUID, body: Reason, uow: Change, clock: CurrentClock) -> EthicalWallView:
    return uow.answer(EthicalWallView.of(await lift_wall(uow, wall_id, body.reason, at=clock.now())))
