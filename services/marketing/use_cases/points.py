from datetime import date, datetime
from uuid import UUID

from libs.common.clock import day_of
from libs.common.database import UnitOfWork
from libs.common.domain import NotFound
from libs.common.ids import new_id
from services.marketing.domain.points import PointsAccount
from services.marketing.storage.points import PointsRepository

AT_ONCE = 100


async def earn_points(
    uow: UnitOfWork, customer_id: UUID, kind: str, *, account_id: UUID, opened_on: date | None, at: datetime
) -> None:
    """Give what the rules of the day give for opening an account, each once; of an unknown day there are none."""
    if opened_on is None:
        return
    today, points = day_of(at), PointsRepository(uow)
    for rule in await points.rules_for(kind, opened_on, account_id):
        try:
            account = await points.of_customer(customer_id)
        except NotFound:
            account = PointsAccount(id=new_id(), customer_id=customer_id)
            points.add(account)
        lot, entry = account.earn(rule, account_id, today=today, at=at)
        await points.enter([entry], lot)


async def spend_points(uow: UnitOfWork, account: PointsAccount, points: int, *, purpose: str, at: datetime) -> None:
    """From a locked account; what is over by now goes first, so that it cannot be spent."""
    repository = PointsRepository(uow)
    lots = await repository.lots_left(account)
    await repository.enter(account.expire(lots, today=day_of(at), at=at))
    await repository.enter(account.spend(points, lots, purpose=purpose, at=at))


async def expire_points(uow: UnitOfWork, now: datetime) -> int:
    """Take away what is left of lots whose last day is over; returns from how many accounts."""
    repository, today = PointsRepository(uow), day_of(now)
    accounts = await repository.expiring(today, AT_ONCE)
    for account in accounts:
        await repository.enter(account.expire(await repository.lots_left(account), today=today, at=now))
    return len(accounts)
