"""What the bank's people do all day: each story is a chain of commands in which one needs the answer of another."""

import asyncio
import itertools
import random
import time
from http import HTTPStatus
from typing import Any

from tests.faults.core import SOURCE, Core
from tests.faults.driver import ANSWERED_WITHIN, PAUSE, Driver
from tests.faults.ledger import Known
from tests.faults.staff import Branch

SPENT = 30
STORIES, REGISTRARS = 10, 4
"""How many run at once. Registrars never wait for Kafka, so commands are answered while it is away."""


class Stories:
    def __init__(self, driver: Driver, branches: list[Branch], core: Core) -> None:
        self._driver, self._branches, self._core = driver, branches, core
        self._places = itertools.count()
        self._closing = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.every = 0.0
        """Seconds between the beginnings of two stories, whoever tells them; without any, one begins as another ends."""
        self.told = 0
        self._next = 0.0

    def begin(self) -> None:
        """Anew, too, after everybody had finished."""
        self._closing.clear()
        whole = [self._again_and_again(whole=True) for _ in range(STORIES)]
        short = [self._again_and_again(whole=False) for _ in range(REGISTRARS)]
        self._tasks = [asyncio.create_task(story) for story in (*whole, *short)]
        self._core.begin()

    async def finish(self) -> None:
        """Let everybody finish what they are at: afterwards no command is without an answer."""
        self._closing.set()
        await asyncio.gather(*self._tasks)
        await self._core.finish()

    async def abandon(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._core.abandon()

    async def _again_and_again(self, *, whole: bool) -> None:
        while not self._closing.is_set():
            await self._turn()
            place = next(self._places)
            branch = self._branches[place % len(self._branches)]
            customer_id, token = await self._register(place, branch)
            if whole:
                await self._open_account(place, branch, customer_id, token)
                await self._complain(branch, customer_id, token)
                await self._spend(branch, customer_id)
                await self._reassign(branch, customer_id)
            self.told += 1

    async def _turn(self) -> None:
        now = time.monotonic()
        self._next = max(self._next, now) + self.every
        await asyncio.sleep(self._next - self.every - now)

    async def _register(self, place: int, branch: Branch) -> tuple[str, str | None]:
        body = {
            "name": f"客户{place}",
            "home_unit_id": branch.unit_id,
            "documents": [{"type": "passport", "number": f"T{place:08d}"}],
            "source_reference": {"source": SOURCE, "source_id": str(place)},
        }
        answer = await self._driver.command(branch.teller, "customers", body)
        customer_id = answer.document["id"]
        self._driver.ledger.customers[customer_id] = Known(str(place), branch.code)
        return customer_id, answer.consistency

    async def _open_account(self, place: int, branch: Branch, customer_id: str, token: str | None) -> None:
        number = f"62299900{place:08d}"
        body = {"customer_id": customer_id, "kind": "current", "product": "活期存款", "number": number}
        answer = await self._driver.command(branch.teller, "accounts", body, after=token)
        self._driver.ledger.accounts[answer.document["id"]] = customer_id

    async def _spend(self, branch: Branch, customer_id: str) -> None:
        """What the account earned, as soon as the marketing service knows; and somebody looks at the score."""
        await self._driver.ask(branch.head, f"scores?customer_id={customer_id}")
        async with asyncio.timeout(ANSWERED_WITHIN):
            question = f"points-accounts?customer_id={customer_id}"
            while not (found := await self._driver.ask(branch.teller, question)):  # noqa: ASYNC110 - over HTTP
                await asyncio.sleep(PAUSE)
        path, body = f"points-accounts/{found[0]['id']}/spend", {"points": SPENT, "purpose": "兑换话费"}
        await self._driver.command(branch.teller, path, body)
        self._driver.ledger.spent[customer_id] = SPENT

    async def _complain(self, branch: Branch, customer_id: str, token: str | None) -> None:
        body = {
            "customer_id": customer_id,
            "channel": "counter",
            "business": "bank_card",
            "cause": "service_attitude",
            "facts": "柜台等候时间过长。",
        }
        complaint = (await self._driver.command(branch.teller, "complaints", body, after=token)).document
        self._driver.ledger.complainants[complaint["id"]] = customer_id
        self._note(complaint)
        complaint = await self._move(branch.officer, complaint, "accept", {})
        complaint = await self._move(branch.officer, complaint, "assign", {"handler_id": branch.officer_id})
        await self._move(branch.head, complaint, "reply", {"decision": "已致歉。", "channel": "phone"})

    async def _move(self, login: str, complaint: dict[str, Any], move: str, body: dict[str, Any]) -> dict[str, Any]:
        path = f"complaints/{complaint['id']}/{move}"
        moved = (await self._driver.command(login, path, body, version=complaint["version"])).document
        self._note(moved)
        return moved

    def _note(self, complaint: dict[str, Any]) -> None:
        history = self._driver.ledger.complaints.setdefault(complaint["id"], [])
        history.append((complaint["status"], complaint["version"]))

    async def _reassign(self, branch: Branch, customer_id: str) -> None:
        """Another main manager. The manager service may not know the customer yet, or be assigning them itself."""
        staff_id = random.choice(branch.manager_ids)  # noqa: S311 - no secret
        body = {"customer_id": customer_id, "staff_id": staff_id, "reason": "a wish of the customer"}
        repeat_on = {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}
        answer = await self._driver.command(branch.head, "assignments", body, repeat_on=repeat_on)
        self._driver.ledger.assignments[answer.document["id"]] = (customer_id, staff_id)
