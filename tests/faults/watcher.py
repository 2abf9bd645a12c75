"""How long newcomers wait until the gateway shows them whole: what a client sees of a worker's outage."""

import asyncio
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.faults.driver import ATTEMPT, Token
from tests.faults.ledger import Ledger
from tests.faults.staff import Branch
from tests.faults.tasks import stop

WATCHERS = 12
PAUSE = 0.1
LATE = 2.0
"""Seconds; without an outage a newcomer is whole within a few tenths."""


@dataclass(frozen=True)
class Wait:
    """From when to when somebody was known and not yet seen whole, in monotonic time."""

    since: float
    until: float


class Watcher:
    """Takes the newest customer, asks until they are whole, takes the next; several at a time."""

    def __init__(self, address: str, token: Token, ledger: Ledger, branches: list[Branch]) -> None:
        self.waits: list[Wait] = []
        self._address, self._token, self._ledger = address, token, ledger
        self._heads = {branch.code: branch.head for branch in branches}
        self._taken: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        self._tasks = [asyncio.create_task(self._watch()) for _ in range(WATCHERS)]

    async def stop(self) -> None:
        await stop(self._tasks)

    def late(self, since: float) -> list[Wait]:
        """Who waited long from that time on."""
        return [wait for wait in self.waits if wait.until - max(wait.since, since) >= LATE]

    async def _watch(self) -> None:
        async with aiohttp.ClientSession(self._address, timeout=ATTEMPT) as session:
            while True:
                newest = await self._until_there_is_a_newcomer()
                self._taken.add(newest)
                await self._until_whole(session, newest)

    async def _until_there_is_a_newcomer(self) -> str:
        """The newest of those whom nobody watches."""
        while True:
            for customer_id in reversed(self._ledger.newest):
                if customer_id not in self._taken:
                    return customer_id
            await asyncio.sleep(PAUSE)

    async def _until_whole(self, session: aiohttp.ClientSession, customer_id: str) -> None:
        while not whole(await self._view(session, customer_id)):  # noqa: ASYNC110 - it is asked over HTTP
            await asyncio.sleep(PAUSE)
        now = asyncio.get_running_loop().time()
        self.waits.append(Wait(self._ledger.customers[customer_id].at, now))

    async def _view(self, session: aiohttp.ClientSession, customer_id: str) -> dict[str, Any]:
        """The sections, none where there is no answer."""
        headers = {"Authorization": f"Bearer {self._token(self._heads[self._ledger.customers[customer_id].branch])}"}
        try:
            async with session.get(f"/api/v1/customers/{customer_id}/360", headers=headers) as answer:
                return dict((await answer.json())["sections"]) if answer.ok else {}
        except (aiohttp.ClientError, TimeoutError, OSError):
            return {}


def whole(sections: dict[str, Any]) -> bool:
    return bool(sections) and all(section["data"] is not None for section in sections.values())
