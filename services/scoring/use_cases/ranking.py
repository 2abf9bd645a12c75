from datetime import datetime, timedelta

from libs.common.clock import day_of, start_of
from libs.common.database import UnitOfWork
from libs.contracts.scoring import SECTION
from services.scoring.storage.ranking import is_due, rank, ranked

AT_ONCE = 1000
RESTS = timedelta(minutes=10)
"""So long those who are new wait at most for their fifths, which moves others too."""


async def rank_customers(uow: UnitOfWork, now: datetime) -> int:
    """Put all customers into fifths, each night and where somebody is new; returns how many moved."""
    if not await is_due(uow, day_began=start_of(day_of(now)), now=now, rests=RESTS):
        return 0
    moved = await rank(uow, AT_ONCE)
    uow.mark(SECTION.name, moved)
    if len(moved) < AT_ONCE:
        await ranked(uow, now)
    return len(moved)
