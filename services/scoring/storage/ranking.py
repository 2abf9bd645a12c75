"""All customers in fifths, by one statement."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from libs.common.database import UnitOfWork
from services.scoring.domain.rfm import Fifths

# percent_rank and not ntile: who are alike are in the same fifth, and those with nothing in the lowest.
RANK = text("""
    WITH placed AS (
        SELECT id, least(floor(percent_rank() OVER (ORDER BY last_initiated_on NULLS FIRST) * 5) + 1, 5) AS recency,
            least(floor(percent_rank() OVER (ORDER BY initiated) * 5) + 1, 5) AS frequency,
            least(floor(percent_rank() OVER (ORDER BY assets) * 5) + 1, 5) AS monetary
        FROM scores),
    named AS (
        SELECT * FROM placed JOIN unnest(
            CAST(:recency AS int[]), CAST(:frequency AS int[]), CAST(:monetary AS int[]), CAST(:names AS text[])
        ) AS n (recency, frequency, monetary, name) USING (recency, frequency, monetary)),
    changed AS (
        SELECT n.* FROM named AS n JOIN scores AS s USING (id)
        WHERE (s.recency, s.frequency, s.monetary, s.rfm_name)
            IS DISTINCT FROM (n.recency, n.frequency, n.monetary, n.name)
        ORDER BY n.id LIMIT :most)
    UPDATE scores AS s SET recency = c.recency, frequency = c.frequency, monetary = c.monetary, rfm_name = c.name,
        version = s.version + 1
    FROM changed AS c WHERE s.id = c.id RETURNING s.customer_id
""")
DUE = text("""
    SELECT NOT EXISTS (SELECT FROM rankings WHERE ranked_at >= :day_began) OR (
        EXISTS (SELECT FROM scores WHERE recency IS NULL)
        AND NOT EXISTS (SELECT FROM rankings WHERE ranked_at > :lately))
""")
RANKED = text("""
    INSERT INTO rankings (id, ranked_at) VALUES (1, :now) ON CONFLICT (id) DO UPDATE SET ranked_at = excluded.ranked_at
""")


async def is_due(uow: UnitOfWork, *, day_began: datetime, now: datetime, rests: timedelta) -> bool:
    """Whether nobody was ranked today, or somebody is new and the last time is some while ago."""
    asked = {"day_began": day_began, "lately": now - rests}
    return bool((await uow.session.execute(DUE, asked)).scalar_one())


async def rank(uow: UnitOfWork, limit: int) -> list[UUID]:
    """Put those into their fifths who are in others, so many at most; returns whose changed."""
    every = [Fifths(recency=r, frequency=f, monetary=m) for r in FIFTHS for f in FIFTHS for m in FIFTHS]
    named = {
        "recency": [each.recency for each in every],
        "frequency": [each.frequency for each in every],
        "monetary": [each.monetary for each in every],
        "names": [each.name for each in every],
    }
    return list((await uow.session.execute(RANK, {**named, "most": limit})).scalars())


async def ranked(uow: UnitOfWork, now: datetime) -> None:
    await uow.session.execute(RANKED, {"now": now})


FIFTHS = range(1, 6)
