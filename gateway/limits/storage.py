"""Counters that all replicas of the gateway share, behind the interface of the `limits` library."""

import asyncio
import time
from datetime import datetime

import structlog
from limits.aio.storage import Storage
from sqlalchemy import text

from libs.common.connections import DRIVER_ERRORS
from libs.common.database import Database, UnitOfWork
from libs.common.limits import InProcess
from libs.common.schedules import Schedule

MOST_REMEMBERED, LONGEST_SECONDS = 10_000, 0.5
log = structlog.get_logger()

COUNT = """
    INSERT INTO edge.request_counts AS c (key, count, ends_at)
    VALUES ($1, $2, now() + make_interval(secs => $3))
    ON CONFLICT (key) DO UPDATE
    SET count = CASE WHEN c.ends_at <= now() THEN excluded.count ELSE c.count + excluded.count END,
        ends_at = CASE WHEN c.ends_at <= now() THEN excluded.ends_at ELSE c.ends_at END
    RETURNING count, extract(epoch FROM ends_at)::float8 AS ends_at
"""
FORGET = text("DELETE FROM edge.request_counts WHERE ends_at < :now")


class InDatabase(Storage):
    """One statement for each request: what it returned is remembered for whoever asks what is left."""

    STORAGE_SCHEME = ("guanxi+database",)  # type: ignore[assignment] # never looked up

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._here = InProcess()
        self._told: dict[str, tuple[int, float]] = {}

    @property
    def base_exceptions(self) -> type[Exception]:
        return OSError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                (row,) = await self._database.fetch(COUNT, key, amount, float(expiry))
        except DRIVER_ERRORS as error:
            log.warning("requests are counted here alone", error=type(error).__name__)
            return await self._count_here(key, expiry, amount)
        if len(self._told) >= MOST_REMEMBERED:
            self._told.clear()
        self._told[key] = row["count"], row["ends_at"]
        return int(row["count"])

    async def _count_here(self, key: str, expiry: int, amount: int) -> int:
        """While the database is away: each replica for itself."""
        count = await self._here.incr(key, expiry, amount)
        self._told[key] = count, await self._here.get_expiry(key)
        return count

    async def get(self, key: str) -> int:
        return self._told.get(key, (0, 0.0))[0]

    async def get_expiry(self, key: str) -> float:
        return self._told.get(key, (0, time.time()))[1]

    async def check(self) -> bool:
        return bool(await self._database.fetch("SELECT 1"))

    async def reset(self) -> int | None:
        self._told.clear()
        await self._database.fetch("DELETE FROM edge.request_counts")
        return None

    async def clear(self, key: str) -> None:
        self._told.pop(key, None)
        await self._database.fetch("DELETE FROM edge.request_counts WHERE key = $1", key)


async def _forget(uow: UnitOfWork, now: datetime) -> int:
    done = await uow.session.execute(FORGET, {"now": now})
    return max(getattr(done, "rowcount", 0), 0)


TIDYING = Schedule("tidying request counts", _forget, pause=60.0)
