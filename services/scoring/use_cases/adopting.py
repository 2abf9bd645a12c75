from datetime import date, datetime
from decimal import Decimal

from libs.common.clock import day_of
from libs.common.database import UnitOfWork
from libs.common.ids import new_id
from services.scoring.domain.holding import OverdueBucket
from services.scoring.domain.policy import ContributionPolicy
from services.scoring.storage.repository import PolicyRepository


async def adopt_policy(
    uow: UnitOfWork, *, effective_from: date, pd: dict[OverdueBucket, Decimal], at: datetime, **figures: Decimal | str
) -> ContributionPolicy:
    """Reckon by these figures from a day to come on."""
    policy = ContributionPolicy(id=new_id(), effective_from=effective_from, pd=pd, **figures)  # type: ignore[arg-type] # by name
    policy.adopt(today=day_of(at), at=at)
    PolicyRepository(uow).add(policy)
    return policy
