from datetime import datetime
from uuid import UUID

from libs.common.database import UnitOfWork
from libs.common.domain import Conflict, InvalidValue
from libs.common.ids import new_id
from libs.directory.reading import require_customer
from services.manager.domain.access import AccessGrant, EthicalWall
from services.manager.storage.repository import AccessGrantRepository, EthicalWallRepository, StaffRepository

AT_ONCE = 100


async def give_access(
    uow: UnitOfWork,
    *,
    customer_id: UUID,
    staff_id: UUID,
    reason: str,
    ends_at: datetime,
    by: UUID | None,
    at: datetime,
) -> AccessGrant:
    """Let somebody else, of whichever unit, take part in a customer's business for a time."""
    await _check(uow, customer_id, staff_id)
    if staff_id == by:
        raise InvalidValue("staff_id", "Nobody gives access to themselves.")
    grant = AccessGrant(
        id=new_id(), customer_id=customer_id, staff_id=staff_id, reason=reason, given_at=at, ends_at=ends_at
    )
    grant.give()
    AccessGrantRepository(uow).add(grant)
    return grant


async def end_access(uow: UnitOfWork, grant_id: UUID, reason: str, *, at: datetime) -> AccessGrant:
    grant = await AccessGrantRepository(uow).get_for_change(grant_id)
    grant.end(reason, at=at)
    return grant


async def end_lapsed_access(uow: UnitOfWork, now: datetime) -> int:
    """End the grants whose time is over; returns how many."""
    lapsed = await AccessGrantRepository(uow).lapsed(now, AT_ONCE)
    for grant in lapsed:
        grant.end(None, at=now)
    return len(lapsed)


async def raise_wall(uow: UnitOfWork, *, customer_id: UUID, staff_id: UUID, reason: str, at: datetime) -> EthicalWall:
    """Keep somebody away from a customer, whatever their role or branch would let them see."""
    await _check(uow, customer_id, staff_id)
    if await EthicalWallRepository(uow).stands(customer_id, staff_id):
        raise Conflict("A wall stands between them already.")
    wall = EthicalWall(id=new_id(), customer_id=customer_id, staff_id=staff_id, reason=reason, raised_at=at)
    wall.raise_()
    EthicalWallRepository(uow).add(wall)
    return wall


async def lift_wall(uow: UnitOfWork, wall_id: UUID, reason: str, *, at: datetime) -> EthicalWall:
    wall = await EthicalWallRepository(uow).get_for_change(wall_id)
    wall.lift(reason, at=at)
    return wall


async def _check(uow: UnitOfWork, customer_id: UUID, staff_id: UUID) -> None:
    await require_customer(uow, customer_id, by_role=True)
    if not await StaffRepository(uow).works(staff_id):
        raise InvalidValue("staff_id", "Nobody by this id works here.")
