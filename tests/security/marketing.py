"""Reads of points, campaigns and the audience that no path shows by itself."""

from sqlalchemy import func, select

from libs.common.database import UnitOfWork
from services.marketing.domain.campaign import Campaign, Status
from services.marketing.domain.points import PointsAccount
from services.marketing.domain.segment import Segment
from services.marketing.storage.audience import AudienceRepository
from services.marketing.storage.points import PointsRepository
from services.marketing.storage.queries import list_entries
from services.marketing.storage.repository import CampaignRepository
from services.marketing.storage.tables import audience
from tests.security.bank import CUSTOMER_IDS, THING_IDS, UNIT_IDS
from tests.security.reads import NAMES, NOW, Read, each_of

UNIT_NAMES = {id_: name for name, id_ in UNIT_IDS.items()}


async def points_of_customers(uow: UnitOfWork) -> set[str]:
    return await each_of({**CUSTOMER_IDS}, lambda name: PointsRepository(uow).of_customer(CUSTOMER_IDS[name]))


async def points_that_expire(uow: UnitOfWork) -> set[str]:
    accounts = await PointsRepository(uow).expiring(NOW.date(), 1000)
    return {NAMES[account.customer_id] for account in accounts if account.customer_id in NAMES}


async def lots_left(uow: UnitOfWork) -> set[str]:
    def ask(name: str) -> object:
        account = PointsAccount(id=THING_IDS[name], customer_id=CUSTOMER_IDS[name])
        return PointsRepository(uow).lots_left(account)

    return await each_of({**CUSTOMER_IDS}, ask)  # type: ignore[arg-type] # what it returns is awaited


async def entries_of_accounts(uow: UnitOfWork) -> set[str]:
    async def any_of(name: str) -> bool:
        rows = await list_entries(uow, account_id=THING_IDS[name], customer_id=None, after=None, limit=1)
        return bool(rows)

    return await each_of({**CUSTOMER_IDS}, any_of)


async def candidates(uow: UnitOfWork) -> set[str]:
    found, _ = await AudienceRepository(uow).candidates(_campaign(), 1000)
    return {NAMES[candidate.customer_id] for candidate in found if candidate.customer_id in NAMES}


async def audience_kept(uow: UnitOfWork) -> set[str]:
    for customer_id in CUSTOMER_IDS.values():
        await AudienceRepository(uow).holds(customer_id, ["matrix"])
    kept = select(audience.c.customer_id).where(func.cardinality(audience.c.kinds) > 0)
    return {NAMES[id_] for id_ in (await uow.session.execute(kept)).scalars() if id_ in NAMES}


async def running_campaigns(uow: UnitOfWork) -> set[str]:
    seen: set[str] = set()
    while (campaign := await CampaignRepository(uow).running()) is not None:
        seen |= {UNIT_NAMES[campaign.id]} if campaign.id in UNIT_NAMES else set()
        campaign.status = Status.FINISHED
        await uow.session.flush()
    return seen


def _campaign() -> Campaign:
    """For the whole tree."""
    root = UNIT_IDS["R"]
    return Campaign(
        id=root,
        org_unit_id=root,
        code="c",
        name="n",
        channel="sms",
        product_id=None,
        segment=Segment(),
        message="m",
        author_id=root,
        drafted_at=NOW,
    )


READS = {
    "points of customers": Read("marketing", points_of_customers),
    "points that expire": Read("marketing", points_that_expire),
    "points lots left": Read("marketing", lots_left),
    "queries entries": Read("marketing", entries_of_accounts),
    "audience candidates": Read("marketing", candidates),
    "audience kept": Read("marketing", audience_kept),
    "repository running campaigns": Read("marketing", running_campaigns, "units"),
}
