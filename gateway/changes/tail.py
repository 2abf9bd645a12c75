"""One reader of changes for all who follow, and a bounded queue for each of them: who is slow loses their place."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from uuid import UUID

import structlog

from gateway.changes.storage import MOST, Change, Place, after, newest
from libs.common.database import Database
from libs.common.logs import where

log = structlog.get_logger()

PAUSE_SECONDS, RETRY_SECONDS = 0.2, 1.0
LONGEST_QUEUE, MOST_CHECKS = 200, 2


class Follower:
    """Changes of some customers that one stream has not told yet."""

    def __init__(self, customer_ids: Iterable[UUID]) -> None:
        self.customer_ids = frozenset(customer_ids)
        self.fell_behind = False
        self._queue: asyncio.Queue[Change] = asyncio.Queue(LONGEST_QUEUE)

    def tell(self, change: Change) -> None:
        try:
            self._queue.put_nowait(change)
        except asyncio.QueueFull:
            self.fell_behind = True

    @property
    def is_idle(self) -> bool:
        return self._queue.empty() and not self.fell_behind

    async def next(self, seconds: float) -> Change | None:
        """The next change; None when none comes in time."""
        try:
            async with asyncio.timeout(seconds):
                return await self._queue.get()
        except TimeoutError:
            return None


class TooMany(Exception):
    """Of one login, or of all together."""


class Tail:
    """Reads while anybody follows. `checks` bounds how many look at once whether a caller may see something."""

    def __init__(self, database: Database, most: int, most_of_one: int) -> None:
        self._database, self._most, self._most_of_one = database, most, most_of_one
        self.place: Place | None = None
        self.checks = asyncio.Semaphore(MOST_CHECKS)
        self._by_login: Counter[str] = Counter()
        self._followers: dict[UUID, set[Follower]] = {}
        self._count = 0
        self._reader: asyncio.Task[None] | None = None
        self._reads = asyncio.Event()

    def admit(self, login: str) -> None:
        """Raises TooMany where another stream of this login would be one too many."""
        if self._count >= self._most or self._by_login[login] >= self._most_of_one:
            raise TooMany

    @asynccontextmanager
    async def following(self, login: str, customer_ids: Iterable[UUID]) -> AsyncIterator[Follower]:
        """From now on: what is committed once this is entered is told.

        Raises:
            TooMany: others came in between.
        """
        self.admit(login)
        follower = Follower(customer_ids)
        self._count += 1
        self._by_login[login] += 1
        for customer_id in follower.customer_ids:
            self._followers.setdefault(customer_id, set()).add(follower)
        try:
            if self._reader is None or self._reader.done():
                self._reads.clear()
                self._reader = asyncio.create_task(self._read())
            await self._reads.wait()
            yield follower
        finally:
            self._count -= 1
            self._by_login -= Counter([login])
            self._forget(follower)

    async def close(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    def _forget(self, follower: Follower) -> None:
        for customer_id in follower.customer_ids:
            others = self._followers[customer_id]
            others.discard(follower)
            if not others:
                del self._followers[customer_id]

    async def _read(self) -> None:
        self.place = None
        while self._count:
            try:
                self.place = await newest(self._database) if self.place is None else await self._tell(self.place)
                self._reads.set()
            except Exception as error:  # noqa: BLE001 - whatever it is: those who follow wait, and nothing is lost
                log.warning("changes of the view wait", error=type(error).__name__, at=where(error))
                await asyncio.sleep(RETRY_SECONDS)

    async def _tell(self, place: Place) -> Place:
        changes = await after(self._database, place)
        for change in changes:
            for follower in self._followers.get(change.customer_id, ()):
                follower.tell(change)
        if len(changes) < MOST:
            await asyncio.sleep(PAUSE_SECONDS)
        return changes[-1].place if changes else place
