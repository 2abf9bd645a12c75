from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from libs.common.clock import day_of
from libs.common.database import UnitOfWork
from libs.common.ids import new_id
from services.scoring.domain.holding import Holding
from services.scoring.domain.score import ASLEEP_AFTER, Score
from services.scoring.storage.ranking import RankingRepository
from services.scoring.storage.repository import PolicyRepository, ScoreRepository

AT_ONCE = 200


async def score_customer(
    uow: UnitOfWork,
    customer_id: UUID,
    holdings: Sequence[Holding],
    *,
    assets: Decimal,
    initiated: int,
    last_initiated_on: date | None,
    branch_contacts: int,
    fees: Decimal,
    as_of: date,
    at: datetime,
) -> None:
    """Reckon what a customer contributes, of what they hold by that day; what is older than known is left out."""
    policy = await PolicyRepository(uow).in_force(as_of)
    score = await ScoreRepository(uow).of_customer(customer_id)
    if score is None:
        score = Score(id=new_id(), customer_id=customer_id, as_of=as_of, policy_id=policy.id, currency=policy.currency)
        ScoreRepository(uow).add(score)
    if as_of >= score.as_of:
        score.hear(
            holdings,
            assets=assets,
            initiated=initiated,
            last_initiated_on=last_initiated_on,
            branch_contacts=branch_contacts,
            fees=fees,
            as_of=as_of,
        )
        score.compute(policy, await RankingRepository(uow).bounds(), today=as_of, at=at)


async def score_anew(uow: UnitOfWork, now: datetime) -> int:
    """Reckon again what was reckoned by a policy of before, and who fell asleep with the day; returns of how many."""
    today = day_of(now)
    policy = await PolicyRepository(uow).in_force(today)
    outdated = await ScoreRepository(uow).outdated(policy, asleep_since=today - ASLEEP_AFTER, limit=AT_ONCE)
    bounds = await RankingRepository(uow).bounds()
    for score in outdated:
        score.compute(policy, bounds, today=today, at=now)
    return len(outdated)
