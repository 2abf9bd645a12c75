"""Timers: a `due_at` column swept with FOR UPDATE SKIP LOCKED, woken at the next due time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from libs.common.caller import Scope
from libs.common.clock import Clock
from libs.common.database import Database, UnitOfWork
from libs.common.logs import where
from libs.common.transient import contested, passing

log = structlog.get_logger()

LONGEST_SLEEP_SECONDS = 1.0

Sweep = Callable[[UnitOfWork, datetime], Awaitable[int]]
"""Does what is due at a time, a bounded batch of it, and returns how much it did."""


@dataclass(frozen=True)
class Schedule:
    name: str
    sweep: Sweep
    pause: float = LONGEST_SLEEP_SECONDS


async def run_schedule(schedule: Schedule, database: Database, scope: Scope, clock: Clock) -> None:
    while True:
        done = 0
        try:
            async with database.unit_of_work(scope) as uow:
                done = await schedule.sweep(uow, clock.now())
        except Exception as error:
            if not passing(error) and not contested(error):
                raise
            log.warning("schedule waits", schedule=schedule.name, cause=type(error).__name__, at=where(error))
        if not done:
            await asyncio.sleep(schedule.pause)
