"""One worker of a service leads: it alone runs the relay and the publishers, so that order holds.

Leadership is an advisory lock on a connection of its own. It is polled, never waited for, since a waiter would hold
back vacuum; the connection dies by `idle_session_timeout` when its process is frozen, so a successor takes over.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import asyncpg
import structlog

from libs.common.logs import where
from libs.common.metrics import LEADER

log = structlog.get_logger()

LOCK = "SELECT pg_try_advisory_lock(hashtext('guanxi leader'))"
POLL_SECONDS = 0.25
PING_SECONDS = 1.0
HELD_FOR_SECONDS = 2.0

WAKE_CHANNEL = "guanxi_wake"


class LeadershipLost(Exception):
    """Another process may lead by now: send nothing more."""


class Leadership:
    """Held while the last ping is young. Work checks it before each send."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._pinged = time.monotonic()
        self._wakes = asyncio.Event()
        self.pulses = 0

    @property
    def lapsed(self) -> bool:
        """True where another process may lead by now."""
        return time.monotonic() - self._pinged > HELD_FOR_SECONDS

    def check(self) -> None:
        if self.lapsed:
            raise LeadershipLost

    def wake(self) -> None:
        """A pulse: every duty looks again, also one that is at work and looked before."""
        self.pulses += 1
        self._wakes.set()
        self._wakes = asyncio.Event()

    async def sleep(self, seconds: float, *, since: int) -> None:
        """Wait for a pulse after the `since`th, or for the poll behind it."""
        if self.pulses == since:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wakes.wait()

    async def keep(self) -> None:
        while True:
            async with asyncio.timeout(HELD_FOR_SECONDS):
                await self._connection.fetchval("SELECT 1")
            self.check()
            self._pinged = time.monotonic()
            await asyncio.sleep(PING_SECONDS)


Duty = Callable[[Leadership], Coroutine[Any, Any, None]]


async def lead(dsn: str, duties: Callable[[], Awaitable[Sequence[Duty]]]) -> None:
    """Contend for leadership for ever; while it is held, run the duties together. They end together too."""
    while True:
        try:
            await _one_term(dsn, duties)
        except* Exception as group:  # noqa: BLE001 - a term may end by anything; the next one begins
            errors = sorted({f"{type(e).__name__} at {where(e)}" for e in leaves(group)})
            log.warning("leadership ended", errors=errors)
        await asyncio.sleep(POLL_SECONDS)


async def _one_term(dsn: str, duties: Callable[[], Awaitable[Sequence[Duty]]]) -> None:
    connection = await asyncpg.connect(dsn, timeout=5, server_settings={"idle_session_timeout": "3s"})
    try:
        while not await connection.fetchval(LOCK):  # noqa: ASYNC110 - the lock is in another process
            await asyncio.sleep(POLL_SECONDS)
        leadership = Leadership(connection)
        await connection.add_listener(WAKE_CHANNEL, lambda *_: leadership.wake())
        async with asyncio.TaskGroup() as group:
            group.create_task(leadership.keep())
            for duty in await duties():
                group.create_task(duty(leadership))
            LEADER.set(1)  # not before Kafka answers: until then nobody sends anything
            log.info("leading")
    finally:
        LEADER.set(0)
        connection.terminate()


def leaves(error: BaseException) -> list[BaseException]:
    """The errors of a group, and of groups within it; of one that is none, itself."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [leaf for each in error.exceptions for leaf in leaves(each)]
