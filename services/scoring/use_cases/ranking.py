from datetime import datetime
from typing import Any

from libs.common.clock import day_of, start_of
from libs.common.database import UnitOfWork
from libs.contracts.scoring import SECTION
from services.scoring.domain.rfm import Bounds, Fifths
from services.scoring.storage.ranking import RankingRepository

AT_ONCE = 1000


async def rank_customers(uow: UnitOfWork, now: datetime) -> int:
    """Draw the bounds of the fifths each night, and whenever the bank has doubled; then hold them against everybody.

    Returns how many were looked at.
    """
    ranking = RankingRepository(uow)
    if await ranking.is_due(day_began=start_of(day_of(now))):
        await ranking.draw(now)
    bounds = await ranking.bounds()
    if bounds is None:
        return 0
    rows = await ranking.next_to_place(AT_ONCE)
    moved = [(row, fifths) for row in rows if (fifths := _place(bounds, row)) != _stands(row)]
    await ranking.move([(row.id, row.version, fifths) for row, fifths in moved])
    uow.mark(SECTION.name, [row.customer_id for row, _ in moved])
    return len(rows)


def _place(bounds: Bounds, row: Any) -> Fifths:
    return bounds.place(last_initiated_on=row.last_initiated_on, initiated=row.initiated, assets=row.assets)


def _stands(row: Any) -> Fifths:
    return Fifths(recency=row.recency, frequency=row.frequency, monetary=row.monetary)
