"""What was lost comes back: a broker's disk, one topic, a service's database from a dump that is older than the bank."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from guanxi.local.issuer import ADMIN
from guanxi.local.settings import LocalSettings
from guanxi.local.stack import Stack
from libs.contracts import customer
from tests.e2e.parted import Parted, told_by_the_runbook
from tests.e2e.person import Person, SignIn
from tests.e2e.stacks import apart, console_of, guanxi, owner_of, running, signing_in
from tests.e2e.test_story import Branch, known, open_branch
from tests.e2e.trails import has_its_trail_again, trail_is_copied
from tests.polling import until
from tests.topics import make_again

pytestmark = [pytest.mark.e2e, pytest.mark.deep]

Versions = dict[str, int]
LOST = "lost@example.com"


@dataclass
class Bank:
    stack: Parted
    teller: Person
    head: Person
    here: Branch
    customers: list[str] = field(default_factory=list)

    async def register(self, count: int = 3) -> list[str]:
        body = {"name": "恢复", "home_unit_id": self.here.unit_id}
        answers = []
        for _ in range(count):
            self.teller.after = ""  # what was written before is on its way again, and not waited for
            answers.append(await self.teller.post("/api/v1/customers", body))
        assert {answer.status_code for answer in answers} == {201}, answers[-1].text
        made = [answer.json()["id"] for answer in answers]
        self.customers += made
        return made

    async def is_whole(self, customer_ids: list[str]) -> None:
        """Every section is there, which all services have had a part in."""

        async def whole() -> bool:
            views = [await self.head.get(f"/api/v1/customers/{id_}/360") for id_ in customer_ids]
            return all(view.status_code == 200 for view in views) and all(
                section["state"] == "ok" for view in views for section in view.json()["sections"].values()
            )

        await until(whole)

    async def versions(self, customer_id: str) -> Versions:
        view = (await self.head.get(f"/api/v1/customers/{customer_id}/360")).json()
        return {name: section["version"] for name, section in view["sections"].items()}

    async def story(self, customer_id: str) -> list[str]:
        answer = await self.head.get("/api/v1/interactions", customer_id=customer_id, limit="100")
        return sorted(item["type"] for item in answer.json()["items"])


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Parted]:
    settings = apart(LocalSettings, tmp_path_factory.mktemp("recovery"))
    with console_of(settings) as console:
        async with running(Parted(settings, console)) as made:
            yield made


@pytest.fixture(scope="module")
async def signed_in(stack: Stack) -> AsyncIterator[SignIn]:
    async with signing_in(stack) as sign_in:
        yield sign_in


@pytest.fixture(scope="module")
async def bank(stack: Parted, signed_in: SignIn) -> Bank:
    here = await open_branch(signed_in(ADMIN, "admin"), "r01")
    teller, head = signed_in("teller-r01", "teller"), signed_in("branch_head-r01", "branch_head")
    for person in (teller, head):
        await known(person)
    bank = Bank(stack, teller, head, here)
    await bank.is_whole(await bank.register())
    return bank


def pid_of(stack: Stack, app: str) -> int:
    return stack.pids()[app]


async def unread(stack: Stack, customer_ids: list[str]) -> None:
    """The events of these customers are on Kafka, and whoever should read them is frozen."""

    async def sent() -> bool:
        waiting = "SELECT count(*) FROM outbox WHERE key = ANY($1) AND published_at IS NULL"
        async with owner_of(stack, "customer") as connection:
            return bool(await connection.fetchval(waiting, customer_ids) == 0)

    await until(sent)


async def test_a_quiet_broker_that_lost_its_disk_is_sent_what_nobody_had_read(bank: Bank) -> None:
    stack, before = bank.stack, list(bank.customers)
    versions = {id_: await bank.versions(id_) for id_ in before}
    stories = {id_: await bank.story(id_) for id_ in before}
    frozen = pid_of(stack, "manager")
    os.kill(frozen, signal.SIGSTOP)
    try:
        new = await bank.register(5)
        await unread(stack, new)
        os.kill(stack.kafka.process, signal.SIGKILL)
        await stack.kafka.ended()
        shutil.rmtree(stack.settings.home / "kafka" / "data")
        await stack.kafka.start()
        await stack.make_topics()
    finally:
        os.kill(frozen, signal.SIGCONT)
    await bank.is_whole(new)
    for id_ in before:
        assert await bank.story(id_) == stories[id_], "nothing is told twice"
        now = await bank.versions(id_)
        assert all(now[name] >= version for name, version in versions[id_].items())


async def test_topics_that_are_made_again_are_filled_again(bank: Bank) -> None:
    gone = (customer.EVENTS, customer.SECTION, customer.REFERENCE)
    async with owner_of(bank.stack, "gateway") as gateway:
        assert await gateway.fetchval("SELECT count(*) FROM view.sections WHERE section = 'profile'") >= 3
        await make_again(bank.stack.kafka.bootstrap, *gone)
        new = await bank.register()
        await bank.is_whole(new)
        await gateway.execute("DELETE FROM view.sections WHERE section = 'profile'")
    status, said = await guanxi(bank.stack.settings, "rebuild", "gateway", "view")
    assert status == 0, said
    bank.head.after = ""
    await bank.is_whole(bank.customers)


@dataclass
class Since:
    """What happened after a dump: customers who are lost with it, one who was changed, and one of whom others told."""

    kept: str
    changed: str
    lost: list[str]
    version: int


async def goes_on_after_the_dump(bank: Bank) -> Since:
    kept, changed, *_ = bank.customers
    lost = await bank.register(2)
    version = (await bank.head.get(f"/api/v1/customers/{changed}")).json()["version"]
    body = {"kind": "email", "value": LOST}
    told = await bank.teller.post(f"/api/v1/customers/{changed}/contact-points", body, version)
    assert told.status_code == 201, told.text
    complaint = {"channel": "counter", "business": "loan", "cause": "fees", "facts": "kept", "customer_id": kept}
    assert (await bank.teller.post("/api/v1/complaints", complaint)).status_code == 201
    await bank.is_whole(lost)
    return Since(kept, changed, lost, told.json()["version"])


async def reconciled(stack: Stack, since: Since) -> None:
    status, said = await guanxi(stack.settings, "reconcile", "customer")
    assert status == 1, said
    assert f"crm.customer.updated.v1 of {since.changed}: {since.changed} version {since.version}" in said
    assert all(f"crm.customer.registered.v1 of {id_}: {id_} version 1" in said for id_ in since.lost)
    assert since.kept not in said
    status, said = await guanxi(stack.settings, "reconcile", "customer", "--mend")
    assert status == 0, said


async def test_a_database_restored_from_an_old_dump_finds_its_way_back(bank: Bank, tmp_path: Path) -> None:
    await told_by_the_runbook(bank.stack, "pg_dump", tmp_path)
    since = await goes_on_after_the_dump(bank)

    async def heard() -> bool:
        return {"crm.complaint.received.v1", "crm.task.opened.v1"} <= set(await bank.story(since.kept))

    await until(heard)
    story = await bank.story(since.kept)
    versions = {id_: await bank.versions(id_) for id_ in (since.kept, since.changed)}
    bank.head.after = bank.teller.after = ""
    await until(lambda: trail_is_copied(bank.stack))

    async def newer() -> bool:
        now = {id_: await bank.versions(id_) for id_ in versions}
        return all(now[id_]["profile"] > of_then["profile"] for id_, of_then in versions.items())

    async with never_falling(bank, versions):
        await restore(bank, tmp_path)
        await reconciled(bank.stack, since)
        await bank.stack.begin()
        await known(bank.teller)
        await known(bank.head)
        await until(lambda: gone(bank.head, since.lost))
        await until(heard)
        await until(newer)
    assert await bank.story(since.kept) == story, "what was heard since the dump is heard again"
    shown = (await bank.head.get(f"/api/v1/customers/{since.changed}")).json()
    assert LOST not in str(shown)
    await has_its_trail_again(bank.stack)
    assert shown["version"] > since.version, "no version is told twice"
    await bank.is_whole(await bank.register())


@asynccontextmanager
async def never_falling(bank: Bank, versions: dict[str, Versions]) -> AsyncIterator[None]:
    """These customers are shown all the time, and no section of theirs under a version of before."""
    highest = {id_: dict(of_then) for id_, of_then in versions.items()}

    async def look() -> None:
        while True:
            for id_, seen in highest.items():
                now = await bank.versions(id_)
                assert all(now[name] >= version for name, version in seen.items()), (seen, now)
                seen.update(now)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


async def restore(bank: Bank, folder: Path) -> None:
    """As an operator does: the service is down, its database is put back, and everybody else goes on."""
    await bank.stack.end()
    assert (await bank.teller.get("/api/v1/customers")).status_code == 503
    assert (await bank.head.get("/api/v1/assignments")).status_code == 200
    await told_by_the_runbook(bank.stack, "pg_restore", folder)


async def gone(person: Person, customer_ids: list[str]) -> bool:
    views = [await person.get(f"/api/v1/customers/{id_}/360") for id_ in customer_ids]
    return all(view.status_code == 404 for view in views)


@pytest.mark.parametrize(
    ("argv", "status", "sentence"),
    [
        (("--since", "2020-01-01"), 2, "older events would be handled twice"),
        (("--since", "31 days ago"), 2, "older events would be handled twice"),
        (("--since", "29 days ago"), 0, "has read again:"),
        (("--since", "yesterday"), 2, "Invalid value for '--since'"),
        (("--since", "today", "--topic", "crm.mood.events.v1"), 2, "has not read crm.mood.events.v1"),
        (("--since", "today", "--app", "gateway"), 2, "gateway listens to no events"),
        (("--since", "tomorrow"), 0, "has read again: 0"),
    ],
)
async def test_what_cannot_be_replayed_is_said(bank: Bank, argv: tuple[str, ...], status: int, sentence: str) -> None:
    days = {"today": timedelta(0), "tomorrow": timedelta(days=1)}
    days |= {f"{n} days ago": -timedelta(days=n) for n in (29, 31)}
    now = datetime.now(UTC)
    told = [f"{now + days[each]:%Y-%m-%dT%H:%M:%S}" if each in days else each for each in argv]
    chosen = [] if "--app" in told else ["--app", "manager"]
    ended, said = await guanxi(bank.stack.settings, "replay", *chosen, *told)
    assert ended == status, said
    assert sentence in " ".join(said.split())


async def test_what_is_read_again_happens_once(bank: Bank) -> None:
    async def assignments() -> Any:
        return (await bank.head.get("/api/v1/assignments", customer_id=bank.customers[0])).json()["items"]

    before = await assignments()
    since = f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M:%S}"
    ended, said = await guanxi(bank.stack.settings, "replay", "--app", "manager", "--since", since)
    assert ended == 0, said
    assert int(said.rpartition(":")[2]) > len(bank.customers)
    assert await assignments() == before
