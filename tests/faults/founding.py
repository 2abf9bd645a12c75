"""A bank in the production shape, with people at work in it: what the faults befall, and what a long run measures."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from pathlib import Path

from guanxi.client import Client
from guanxi.local.issuer import ADMIN
from guanxi.local.settings import APPS, LocalSettings
from guanxi.local.stack import Stack
from tests.conftest import JARS
from tests.e2e.stacks import console_of, running
from tests.faults.bank import Bank
from tests.faults.core import Core
from tests.faults.databases import Databases
from tests.faults.driver import Driver
from tests.faults.reader import Reader
from tests.faults.staff import STAFF, UNITS, Branch, found_bank, role_of
from tests.faults.stories import Stories
from tests.faults.watcher import Watcher
from tests.polling import until
from tests.ports import free_ports_in_a_row

REPLICAS = 2
"""Of every app so many processes that serve, and so many workers."""
PORTS = 10 * len(APPS)
"""In a row: all of them below those that the system gives to clients, so that a restarted program finds its own free."""


@asynccontextmanager
async def bank_at_work(home: Path) -> AsyncIterator[Bank]:
    async with AsyncExitStack() as opened:
        settings = _settings(home)
        console = opened.enter_context(console_of(settings))
        stack = await opened.enter_async_context(running(Stack(settings, console, replicas=REPLICAS)))
        databases = Databases(stack.postgres)
        opened.push_async_callback(databases.close)
        branches = await _branches(stack, databases)
        token = cache(lambda login: stack.issuer.token(login, [role_of(login)]))
        driver = await opened.enter_async_context(Driver(settings.gateway, token))
        core = Core(settings, driver.ledger)
        stories = Stories(driver, branches, core)
        reader = Reader(settings.gateway, token, databases, driver.ledger, branches)
        watcher = Watcher(settings.gateway, token, driver.ledger, branches)
        for people, end in ((watcher, watcher.stop), (reader, reader.stop), (stories, stories.abandon)):
            people.begin()
            opened.push_async_callback(end)
        yield Bank(stack, driver, core, stories, reader, watcher, databases, branches)


async def _branches(stack: Stack, databases: Databases) -> list[Branch]:
    async with Client(stack.settings.gateway, stack.issuer.token(ADMIN, ["admin"])) as admin:
        branches = await found_bank(admin)
    for app in APPS:
        await until(_heard(databases, app), f"{app} knows units and staff")
    return branches


def _heard(databases: Databases, app: str) -> Callable[[], Awaitable[bool]]:
    async def heard() -> bool:
        counts = "SELECT (SELECT count(*) FROM directory.staff), (SELECT count(*) FROM directory.org_units)"
        return tuple((await databases.rows(app, counts))[0]) == (STAFF, UNITS)

    return heard


def _settings(home: Path) -> LocalSettings:
    base = free_ports_in_a_row(PORTS)
    return LocalSettings(
        home=home,
        base_port=base,
        postgres_port=base + 7,
        kafka_port=base + 8,
        kafka_controller_port=base + 9,
        jar_cache=JARS,
    )
