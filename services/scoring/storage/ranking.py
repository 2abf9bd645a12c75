"""The bounds of the fifths, drawn through all customers, and who is moved by new ones."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, update

from libs.common.database import UnitOfWork
from services.scoring.domain.rfm import Bounds, Fifths
from services.scoring.storage.tables import rankings, scores

SMALL = 100_000
"""Customers. A bank that has more has not doubled since last night."""

DUE = text("""
    SELECT NOT EXISTS (SELECT FROM rankings WHERE ranked_at >= :day_began) OR EXISTS (
        SELECT FROM rankings AS r
        WHERE r.customers < :small AND (SELECT count(*) FROM scores) > 2 * r.customers)
""")
DRAW = text("""
    INSERT INTO rankings (id, ranked_at, customers, recency, frequency, monetary, placed_up_to)
    SELECT 1, :now, count(*),
        coalesce(percentile_disc(ARRAY[.2, .4, .6, .8])
            WITHIN GROUP (ORDER BY coalesce(last_initiated_on, DATE '0001-01-01')), '{}'),
        coalesce(percentile_disc(ARRAY[.2, .4, .6, .8]) WITHIN GROUP (ORDER BY initiated), '{}'),
        coalesce(percentile_disc(ARRAY[.2, .4, .6, .8]) WITHIN GROUP (ORDER BY assets), '{}'),
        '00000000-0000-0000-0000-000000000000'
    FROM scores
    ON CONFLICT (id) DO UPDATE SET ranked_at = excluded.ranked_at, customers = excluded.customers,
        recency = excluded.recency, frequency = excluded.frequency, monetary = excluded.monetary,
        placed_up_to = excluded.placed_up_to
""")
MOVE = text("""
    UPDATE scores AS s SET recency = m.recency, frequency = m.frequency, monetary = m.monetary, rfm_name = m.name,
        version = s.version + 1
    FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS bigint[]), CAST(:recency AS int[]), CAST(:frequency AS int[]),
        CAST(:monetary AS int[]), CAST(:names AS text[])) AS m (id, version, recency, frequency, monetary, name)
    WHERE s.id = m.id AND s.version = m.version
        AND s.id IN (SELECT id FROM scores WHERE id = ANY(:ids) FOR UPDATE SKIP LOCKED)
""")


class RankingRepository:
    """Of all customers together: nobody's alone."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def bounds(self) -> Bounds | None:
        """None before they were drawn first, or while nobody had a score."""
        r = rankings.c
        row = (await self._uow.session.execute(select(r.recency, r.frequency, r.monetary))).one_or_none()
        if row is None or not row.recency:
            return None
        return Bounds(recency=row.recency, frequency=row.frequency, monetary=row.monetary)

    async def is_due(self, *, day_began: datetime) -> bool:
        """Whether none were drawn today, or twice as many customers have a score since."""
        asked = {"day_began": day_began, "small": SMALL}
        return bool((await self._uow.session.execute(DUE, asked)).scalar_one())

    async def draw(self, now: datetime) -> None:
        await self._uow.session.execute(DRAW, {"now": now})

    async def next_to_place(self, limit: int) -> Sequence[Any]:
        """Scores that the newest bounds were not held against yet, in the order of their ids.

        They are not locked: whoever reckons one at the same moment places it by the same bounds, and it is not moved.
        """
        s, up_to = scores.c, select(rankings.c.placed_up_to).with_for_update(skip_locked=True)
        after: UUID | None = (await self._uow.session.execute(up_to)).scalar_one_or_none()
        if after is None:
            return []
        inputs, fifths = (s.last_initiated_on, s.initiated, s.assets), (s.recency, s.frequency, s.monetary)
        columns = (s.id, s.version, s.customer_id, *inputs, *fifths)
        within = select(*columns).where(s.id > after, self._uow.scope.customers(s.customer_id))
        rows = (await self._uow.session.execute(within.order_by(s.id).limit(limit))).all()
        placed = rows[-1].id if len(rows) == limit else None
        await self._uow.session.execute(update(rankings).values(placed_up_to=placed))
        return rows

    async def move(self, moved: Sequence[tuple[UUID, int, Fifths]]) -> None:
        """Scores by id, each with the version that its place was found for: of another one it is another's to find."""
        fifths = [each for *_, each in moved]
        told = {
            "ids": [id_ for id_, *_ in moved],
            "versions": [version for _, version, _ in moved],
            "recency": [each.recency for each in fifths],
            "frequency": [each.frequency for each in fifths],
            "monetary": [each.monetary for each in fifths],
            "names": [each.name for each in fifths],
        }
        await self._uow.session.execute(MOVE, told)
