import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache
from pathlib import Path

import pytest
from rich.console import Console

from guanxi.client import Client
from guanxi.local.issuer import ADMIN
from guanxi.local.settings import APPS, LocalSettings
from guanxi.local.stack import Stack
from tests.conftest import JARS
from tests.faults.bank import Bank, until
from tests.faults.databases import Databases
from tests.faults.driver import Driver
from tests.faults.reader import Reader
from tests.faults.settling import is_settled
from tests.faults.staff import STAFF, UNITS, Branch, found_bank, role_of
from tests.faults.stories import Stories
from tests.faults.watcher import Watcher
from tests.ports import free_ports_in_a_row

REPLICAS = 2
PORTS = 10 * len(APPS)
"""In a row: all of them below those that the system gives to clients, so that a restarted program finds its own free."""


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


@pytest.fixture(scope="package")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Of every app one process that serves, and two workers: on two cores a second one takes the time from the workers."""
    home = tmp_path_factory.mktemp("faults")
    with (home / "console.log").open("w") as said:
        stack = Stack(_settings(home), Console(file=said, width=160), replicas=REPLICAS, apps=1)
        try:
            await stack.start()
            yield stack
        finally:
            await stack.stop()


@pytest.fixture(scope="package")
async def databases(stack: Stack) -> AsyncIterator[Databases]:
    databases = Databases(stack.postgres)
    yield databases
    await databases.close()


@pytest.fixture(scope="package")
async def branches(stack: Stack, databases: Databases) -> list[Branch]:
    async with Client(stack.settings.gateway, stack.issuer.token(ADMIN, ["admin"])) as admin:
        branches = await found_bank(admin)
    for app in APPS:
        await until(_heard(databases, app), 60, f"{app} knows units and staff")
    return branches


def _heard(databases: Databases, app: str) -> Callable[[], Awaitable[bool]]:
    async def heard() -> bool:
        counts = "SELECT (SELECT count(*) FROM directory.staff), (SELECT count(*) FROM directory.org_units)"
        return tuple((await databases.rows(app, counts))[0]) == (STAFF, UNITS)

    return heard


@pytest.fixture(scope="package")
async def bank(stack: Stack, databases: Databases, branches: list[Branch]) -> AsyncIterator[Bank]:
    """The whole system under a load that ends with these tests."""
    token = cache(lambda login: stack.issuer.token(login, [role_of(login)]))
    async with Driver(stack.settings.gateway, token) as driver:
        stories = Stories(driver, branches)
        reader = Reader(stack.settings.gateway, token, databases, driver.ledger, branches)
        watcher = Watcher(stack.settings.gateway, token, driver.ledger, branches)
        for people in (stories, reader, watcher):
            people.begin()
        try:
            bank = Bank(stack, driver, stories, reader, watcher, databases, branches)
            await bank.whole_again()
            yield bank
        finally:
            await stories.abandon()
            await reader.stop()
            await watcher.stop()


@pytest.fixture(autouse=True)
async def _nobody_is_answered_wrongly(bank: Bank) -> AsyncIterator[None]:
    yield
    assert bank.driver.refused == []
    assert bank.reader.falls == []


@pytest.fixture(scope="package")
async def settled(bank: Bank) -> Bank:
    """Every command answered, every queue drained."""
    await asyncio.wait_for(bank.stories.finish(), 360)
    await until(lambda: is_settled(bank.databases), 300, "every queue is drained")
    return bank
