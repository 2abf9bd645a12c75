"""`/api/v1/contribution-policies`: by which figures contributions are reckoned, and from when on."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from libs.common.access import CurrentClock, Query, requires
from libs.common.commands import command
from libs.common.database import UnitOfWork
from libs.common.pages import CurrentPage, Page
from services.scoring.api.schemas import ContributionPolicyView, NewContributionPolicy
from services.scoring.storage.queries import list_policies
from services.scoring.storage.repository import PolicyRepository
from services.scoring.use_cases.adopting import adopt_policy

router = APIRouter(prefix="/api/v1/contribution-policies", tags=["policies"])


async def show(uow: UnitOfWork, policy_id: UUID) -> ContributionPolicyView:
    return ContributionPolicyView.of(await PolicyRepository(uow).get(policy_id))


Create = Annotated[UnitOfWork, command(show, conditional=False)]


@router.post("", status_code=201, dependencies=[requires("policies:change")])
async def adopt(body: NewContributionPolicy, uow: Create, clock: CurrentClock) -> ContributionPolicyView:
    """Reckon by other figures from a day on; that day, every score is reckoned anew."""
    return uow.answer(ContributionPolicyView.of(await adopt_policy(uow, **dict(body), at=clock.now())))


@router.get("", dependencies=[requires("policies:read")])
async def find(uow: Query, page: CurrentPage) -> Page[ContributionPolicyView]:
    rows = await list_policies(uow, after=page.after, limit=page.limit)
    return page.of(uow, [ContributionPolicyView.of(row) for row in rows])


@router.get("/{policy_id}", dependencies=[requires("policies:read")])
async def read(policy_id: UUID, uow: Query) -> ContributionPolicyView:
    return uow.answer(await show(uow, policy_id))
