"""Changes in an order that nothing slips behind: by transaction, and only of those that none still running precedes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from libs.common.database import Database, UnitOfWork
from libs.common.schedules import Schedule

KEPT = timedelta(hours=1)
MOST = 1000
LONGEST = 18
"""Digits of a number that a bigint always takes."""

SETTLED = "transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
COLUMNS = "transaction, position, customer_id, section, version"
AFTER = f"""
    SELECT {COLUMNS} FROM view.changes
    WHERE (transaction, position) > ($1, $2) AND {SETTLED}
    ORDER BY transaction, position LIMIT {MOST}
"""  # noqa: S608 - our own words
OF_CUSTOMERS = f"""
    SELECT {COLUMNS} FROM view.changes
    WHERE (transaction, position) > ($1, $2) AND customer_id = ANY($3) AND {SETTLED}
    ORDER BY transaction, position LIMIT {MOST}
"""  # noqa: S608 - our own words
NEWEST = f"""
    SELECT transaction, position FROM view.changes WHERE {SETTLED} ORDER BY transaction DESC, position DESC LIMIT 1
"""  # noqa: S608 - our own words
OLDEST = "SELECT transaction, position FROM view.changes ORDER BY transaction, position LIMIT 1"
FORGET = text("""
    DELETE FROM view.changes WHERE (transaction, position) IN (
        SELECT transaction, position FROM view.changes
        WHERE changed_at < :before AND (transaction, position) < (
            SELECT transaction, position FROM view.changes ORDER BY transaction DESC, position DESC LIMIT 1)
        LIMIT :most)
""")
"""The newest stays, however old it is: by it one knows how far things are."""


@dataclass(frozen=True, order=True)
class Place:
    """Where a change stands among all; as text, `transaction-position`, it is an event's id."""

    transaction: int
    position: int

    @classmethod
    def read(cls, told: str) -> "Place | None":
        transaction, _, position = told.partition("-")
        fits = all(part.isascii() and part.isdecimal() and len(part) <= LONGEST for part in (transaction, position))
        return cls(int(transaction), int(position)) if fits else None

    def __str__(self) -> str:
        return f"{self.transaction}-{self.position}"


START = Place(0, 0)


@dataclass(frozen=True)
class Change:
    place: Place
    customer_id: UUID
    section: str
    version: int


async def after(database: Database, place: Place) -> Sequence[Change]:
    return [_change(row) for row in await database.fetch(AFTER, place.transaction, place.position)]


async def of_customers(database: Database, place: Place, ids: Sequence[UUID]) -> Sequence[Change]:
    rows = await database.fetch(OF_CUSTOMERS, place.transaction, place.position, ids)
    return [_change(row) for row in rows]


async def newest(database: Database) -> Place:
    rows = await database.fetch(NEWEST)
    return Place(*rows[0]) if rows else START


async def remembers(database: Database, place: Place) -> bool:
    """Whether everything after this place is still there, and this place one of ours."""
    rows = await database.fetch(OLDEST)
    return bool(rows) and Place(*rows[0]) <= place <= await newest(database)


def _change(row: Sequence[object]) -> Change:
    transaction, position, customer_id, section, version = row
    return Change(Place(transaction, position), customer_id, section, version)  # type: ignore[arg-type] # as the table has it


async def _forget(uow: UnitOfWork, now: datetime) -> int:
    done = await uow.session.execute(FORGET, {"before": now - KEPT, "most": MOST})
    return max(getattr(done, "rowcount", 0), 0)


TIDYING = Schedule("tidying changes of the view", _forget, pause=60.0)
