"""`/api/v1/reveals`: an identifier in clear, for a reason, after a stronger sign-in, for minutes."""

from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from libs.common.access import CurrentCaller, CurrentClock, CurrentStaff, Query, Reason, requires
from libs.common.clock import Clock
from libs.common.commands import command
from libs.common.database import UnitOfWork
from services.customer.api.schemas import NewReveal, RevealView
from services.customer.domain.reveal import Reveal
from services.customer.storage.reveals import RevealRepository
from services.customer.use_cases.revealing import read_reveal, reveal_identifier, revealed_value

router = APIRouter(prefix="/api/v1/reveals", tags=["reveals"])

guarded = partial(requires, "identifiers:reveal", step_up=True, reason=True)


async def _shown(uow: UnitOfWork, reveal: Reveal, at: datetime) -> RevealView:
    return RevealView.of(reveal, await revealed_value(uow, reveal, at=at))


async def show(uow: UnitOfWork, reveal_id: UUID) -> RevealView:
    return await _shown(uow, await RevealRepository(uow).get(reveal_id), Clock().now())


Create = Annotated[UnitOfWork, command(show, conditional=False)]


@router.post("", status_code=201, dependencies=[guarded(kind="reveal")])
async def reveal_(body: NewReveal, uow: Create, staff: CurrentStaff, reason: Reason, clock: CurrentClock) -> RevealView:
    """Show one identifier of a customer in clear. The event says that it was shown, never what."""
    reveal = await reveal_identifier(uow, **dict(body), by=staff, reason=reason, at=clock.now())
    await uow.session.flush()
    return uow.answer(await _shown(uow, reveal, clock.now()))


@router.get("/{reveal_id}", dependencies=[guarded()])
async def read(reveal_id: UUID, uow: Query, caller: CurrentCaller, clock: CurrentClock) -> RevealView:
    """Once more, for whoever asked for it; without its value once it has expired."""
    return uow.answer(await _shown(uow, await read_reveal(uow, reveal_id, by=caller.staff_id), clock.now()))
