"""The whole system under load: its processes by name, its leaders, and what is done to them."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp

from guanxi.local.stack import SERVICES, Stack
from libs.contracts.catalogue import SECTIONS
from tests.faults.core import HEARD, LAST, SOURCE, Core
from tests.faults.databases import Databases
from tests.faults.driver import Driver
from tests.faults.reader import Reader
from tests.faults.sessions import ports_of
from tests.faults.staff import Branch, role_of
from tests.faults.stories import Stories
from tests.faults.watcher import Watcher
from tests.polling import until

IN_FLIGHT = 10
NEWCOMERS = 10
LEISURE, UNHURRIED = 0.5, 0.15
"""Seconds between the beginnings of two stories; all out they begin as often as the machine can take them."""

LEADER = """
    SELECT a.client_port FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.datname = current_database()
      AND (l.classid::bigint << 32 | l.objid::bigint) = hashtext('guanxi leader')::bigint
"""
SESSIONS = "SELECT client_port FROM pg_stat_activity WHERE datname = current_database() AND client_port > 0"
INSIDE = """
    SELECT pid, client_port FROM pg_stat_activity
    WHERE datname = current_database() AND backend_xid IS NOT NULL AND client_port = ANY($1::int[])
"""
OUTBOX = "SELECT event_id FROM outbox WHERE published_at IS NULL"
SEEN = """
    SELECT count(*) FROM (
        SELECT customer_id FROM view.sections WHERE customer_id = ANY($1::uuid[]) GROUP BY 1 HAVING count(*) = $2) AS w
"""


@dataclass(frozen=True)
class Running:
    """A process at one moment of its life."""

    name: str
    pid: int

    @property
    def app(self) -> str:
        return self.name.partition("-")[0]

    @property
    def serves(self) -> int:
        """Which of those that serve it is, from 1 on; 0 of a worker."""
        _, kind, number = self.name.split("-")
        return int(number) if kind == "app" else 0


@dataclass(frozen=True)
class Strike:
    """What was hit, when, and how many commands were in flight at that moment."""

    at: float
    in_flight: int


@dataclass
class Bank:
    stack: Stack
    driver: Driver
    core: Core
    stories: Stories
    reader: Reader
    watcher: Watcher
    databases: Databases
    branches: list[Branch]

    def running(self, name: str) -> Running | None:
        pid = self._pids().get(name)
        return Running(name, pid) if pid else None

    def serving(self, app: str) -> list[Running]:
        return self._of(f"{app}-app-")

    def workers(self, app: str) -> list[Running]:
        return self._of(f"{app}-worker-")

    def _of(self, kind: str) -> list[Running]:
        return [Running(name, pid) for name, pid in self._pids().items() if name.startswith(kind)]

    async def leader(self, app: str) -> Running | None:
        """Whose connection holds the leader's lock; None between two leaders."""
        ports = {row[0] for row in await self.databases.rows(app, LEADER)}
        return next((worker for worker in self.workers(app) if ports & ports_of(worker.pid)), None)

    async def some_leader(self, app: str) -> Running:
        found: list[Running] = []

        async def leads() -> bool:
            found.extend(leader for leader in [await self.leader(app)] if leader)
            return bool(found)

        await until(leads, f"somebody leads in {app}")
        return found[0]

    async def successor(self, former: Running) -> Running:
        """Who leads after `former`."""
        found: list[Running] = []

        async def another_leads() -> bool:
            leader = await self.leader(former.app)
            if leader not in (None, former):
                found.append(leader)
            return bool(found)

        await until(another_leads, f"another than {former.name} leads in {former.app}")
        return found[0]

    async def strike(self, *pids: int, number: signal.Signals = signal.SIGKILL, asked: str | None = None) -> Strike:
        """Send a signal at a moment at which enough is under way, and where a service is named, something of it."""

        async def busy() -> bool:
            return self.driver.in_flight >= IN_FLIGHT and (asked is None or self.driver.asks(asked))

        await until(busy, f"{IN_FLIGHT} commands are in flight, and what {asked or 'anybody'} was asked")
        strike = Strike(time.monotonic(), self.driver.in_flight)
        for pid in pids:
            os.kill(pid, number)
        return strike

    async def outage_is_seen(self, strike: Strike) -> None:
        """By the client: a command without an answer, or newcomers who do not show."""

        async def noticed() -> bool:
            return bool(self.driver.troubled(strike.at) or self.watcher.late(strike.at))

        await until(noticed, "the client notices the outage")

    async def clients_are_troubled(self, strike: Strike) -> None:
        """A command has no answer, or a late one."""

        async def troubled() -> bool:
            return bool(self.driver.troubled(strike.at))

        await until(troubled, "a client is troubled")

    @contextmanager
    def at_leisure(self, every: float = LEISURE) -> Iterator[None]:
        """People go on, and leave the machine some of its time."""
        before = self.stories.every
        self.stories.every = max(before, every)
        try:
            yield
        finally:
            self.stories.every = before

    @contextmanager
    def waking(self, pid: int) -> Iterator[None]:
        """A stopped process goes on at the end, whatever happens."""
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    async def comes_back(self, former: Running) -> Running:
        """The same program in a new process, at work: ready where it serves, with a session where it does not."""

        async def back() -> bool:
            now = self.running(former.name)
            return now is not None and now.pid != former.pid and await self._at_work(now)

        await until(back, f"{former.name} is back")
        now = self.running(former.name)
        assert now is not None
        return now

    async def _at_work(self, running: Running) -> bool:
        if running.serves == 0:
            ports = {row[0] for row in await self.databases.rows(running.app, SESSIONS)}
            return bool(ports & ports_of(running.pid))
        url = f"{self.stack.settings.address(running.app, 1 + running.serves)}/health/ready"
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as answer:
                return answer.ok
        except aiohttp.ClientError:
            return False

    async def whole_again(self) -> None:
        """Customers that are registered from now on become visible with every section.

        Until then people are in less of a hurry: what is found out is whether it all comes back, not how much it can do.
        """
        known = len(self.driver.ledger.customers)

        async def newcomers_are_seen() -> bool:
            newcomers = self.driver.ledger.newest[known : known + NEWCOMERS]
            if len(newcomers) < NEWCOMERS:
                return False
            return bool(await self.databases.value("gateway", SEEN, newcomers, len(SECTIONS)) == NEWCOMERS)

        with self.at_leisure(UNHURRIED):
            await until(newcomers_are_seen, "new customers are seen whole in the view")

    async def core_is_heard(self) -> bool:
        """All that was booked stands on its account, which is as it was stated last."""
        heard = tuple((await self.databases.rows("customer", HEARD, SOURCE, LAST))[0])
        return heard == (len(self.core.booked), len(self.core.stated))

    async def outbox_grows(self, events: int) -> None:
        """So many more events wait in the outboxes than now."""
        before = await self._waiting_events()

        async def grown() -> bool:
            return await self._waiting_events() >= before + events

        await until(grown, f"{events} more events wait")

    async def _waiting_events(self) -> int:
        return sum([len(await self.databases.rows(app, OUTBOX)) for app in SERVICES])

    async def newest_in_view(self) -> int:
        return int(await self.databases.value("gateway", "SELECT max(version) FROM view.sections"))

    async def everything_so_far_is_published(self, app: str) -> None:
        waiting = {row[0] for row in await self.databases.rows(app, OUTBOX)}

        async def published() -> bool:
            return waiting.isdisjoint([row[0] for row in await self.databases.rows(app, OUTBOX)])

        await until(published, f"the outbox of {app} is published by another")

    async def session_of(self, app: str) -> int:
        """The process id of a session of one that serves, PostgreSQL's side: as soon as there is one again.

        Not of a given one: the gateway keeps its connections, and they may all lead to the other.
        """
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND client_port = ANY($1::int[])"
        sessions: list[int] = []

        async def has_one() -> bool:
            ports = set().union(*[ports_of(serving.pid) for serving in self.serving(app)])
            sessions[:] = [row[0] for row in await self.databases.rows(app, query, list(ports))]
            return bool(sessions)

        await until(has_one, f"somebody who serves {app} has a session")
        return sessions[0]

    async def session_ends(self, session: int) -> None:
        async def gone() -> bool:
            alive = await self.databases.value(
                "postgres", "SELECT count(*) FROM pg_stat_activity WHERE pid = $1", session
            )
            return bool(alive == 0)

        await until(gone, "the transaction of the frozen worker is ended", seconds=6)

    async def frozen_for(self, seconds: float, strike: Strike) -> None:
        """Lasts until the strike is so long ago."""
        await asyncio.sleep(strike.at + seconds - time.monotonic())

    async def freeze_inside_a_transaction(self, app: str) -> tuple[Running, int, Strike]:
        """Stop a worker that holds the locks of what it has written. Returns it, its session, and the strike."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            ports = {port: worker for worker in self.workers(app) for port in ports_of(worker.pid)}
            for _ in range(50):
                for session, port in await self.databases.rows(app, INSIDE, list(ports)):
                    strike = Strike(time.monotonic(), self.driver.in_flight)
                    os.kill(ports[port].pid, signal.SIGSTOP)
                    if strike.in_flight >= IN_FLIGHT and await self._is_inside(app, session, port):
                        return ports[port], session, strike
                    os.kill(ports[port].pid, signal.SIGCONT)
        raise AssertionError(f"no worker of {app} was caught inside a transaction")

    async def _is_inside(self, app: str, session: int, port: int) -> bool:
        """Still, after what it had sent is done: it waits for a client that is frozen."""
        await asyncio.sleep(0.1)
        return session in [row[0] for row in await self.databases.rows(app, INSIDE, [port])]

    def token_of_head(self, customer_id: str) -> str:
        """Of the branch head who sees this customer."""
        code = self.driver.ledger.customers[customer_id].branch
        head = next(branch.head for branch in self.branches if branch.code == code)
        return self.stack.issuer.token(head, [role_of(head)])

    def _pids(self) -> dict[str, int]:
        return self.stack.pids()
