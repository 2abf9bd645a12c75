"""A reader who never looks away: a section's version, once seen, is never seen lower, nor does a section vanish."""

import asyncio
import random
from collections.abc import Iterable
from typing import Any

import aiohttp

from tests.faults.databases import Databases
from tests.faults.driver import ATTEMPT, Token
from tests.faults.ledger import Ledger
from tests.faults.staff import Branch
from tests.faults.tasks import stop

WATCHED = 300
PAUSE = 0.1

ROWS = "SELECT customer_id::text, section, version FROM view.sections WHERE customer_id = ANY($1::uuid[])"


class Reader:
    """Polls the view's table for `WATCHED` customers, and the gateway for one after the other."""

    def __init__(
        self, address: str, token: Token, databases: Databases, ledger: Ledger, branches: list[Branch]
    ) -> None:
        self.falls: list[str] = []
        self.polls = {"table": 0, "gateway": 0}
        self._address, self._token, self._databases, self._ledger = address, token, databases, ledger
        self._heads = {branch.code: branch.head for branch in branches}
        self._seen: dict[str, dict[str, int]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        self._tasks = [asyncio.create_task(self._poll_table()), asyncio.create_task(self._poll_gateway())]

    async def stop(self) -> None:
        await stop(self._tasks)

    def _watched(self) -> list[str]:
        """The first customers for ever, and the newest, which change most."""
        everybody = self._ledger.newest
        return [*everybody[: WATCHED // 2], *everybody[-WATCHED // 2 :]]

    async def _poll_table(self) -> None:
        while True:
            watched = self._watched()
            before = self._before(watched)
            rows = await self._databases.rows("gateway", ROWS, watched)
            self._compare("table", before, {(row[0], row[1]): row[2] for row in rows})
            await asyncio.sleep(PAUSE)

    async def _poll_gateway(self) -> None:
        async with aiohttp.ClientSession(self._address, timeout=ATTEMPT) as session:
            while True:
                if watched := self._watched():
                    await self._ask(session, random.choice(watched))  # noqa: S311 - no secret
                await asyncio.sleep(PAUSE)

    async def _ask(self, session: aiohttp.ClientSession, customer_id: str) -> None:
        before = self._before([customer_id])
        login = self._heads[self._ledger.customers[customer_id].branch]
        headers = {"Authorization": f"Bearer {self._token(login)}"}
        try:
            async with session.get(f"/api/v1/customers/{customer_id}/360", headers=headers) as answer:
                if not answer.ok:
                    return
                sections: dict[str, Any] = (await answer.json())["sections"]
        except (aiohttp.ClientError, TimeoutError, OSError):
            return
        shown = {(customer_id, name): part["version"] for name, part in sections.items()}
        self._compare("gateway", before, {key: version for key, version in shown.items() if version is not None})

    def _before(self, customers: Iterable[str]) -> dict[tuple[str, str], int]:
        known = {customer_id: self._seen.get(customer_id, {}) for customer_id in customers}
        return {(customer_id, name): version for customer_id, seen in known.items() for name, version in seen.items()}

    def _compare(self, source: str, before: dict[tuple[str, str], int], now: dict[tuple[str, str], int]) -> None:
        """`before` was seen before the question was asked, so no answer may be older."""
        self.polls[source] += 1
        for key, version in before.items():
            if now.get(key, 0) < version:
                self.falls.append(f"{source}: {key} from {version} to {now.get(key)}")
        for (customer_id, name), version in now.items():
            seen = self._seen.setdefault(customer_id, {})
            seen[name] = max(version, seen.get(name, 0))
