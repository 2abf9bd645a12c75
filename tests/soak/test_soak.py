"""Hours in small: the production shape under half of what it can do, and nothing grows but the bank.

`make soak` takes twenty minutes (GUANXI_SOAK_MINUTES; two by default).
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from guanxi.examination.waiting import waiting
from guanxi.local.settings import APPS
from guanxi.local.shape import processes_of
from tests.e2e.stacks import guanxi
from tests.faults.bank import Bank
from tests.faults.founding import bank_at_work
from tests.faults.settling import is_settled
from tests.polling import until

pytestmark = [pytest.mark.deep, pytest.mark.soak]

MINUTES = float(os.environ.get("GUANXI_SOAK_MINUTES", "2"))
TOP_SECONDS, SAMPLE_SECONDS = 20, 5
MAY_GROW = 1.10
LOOKS = 3
IDLE_SECONDS = 120
"""Longer than anybody keeps a connection that nobody uses."""
COMES_AND_GOES = ("files", "tasks", "used")
"""What a process has more or less of from moment to moment."""
FEW = 3
"""So many more of each may be there by chance."""
SESSIONS = "SELECT datname, count(*) FROM pg_stat_activity WHERE datname = ANY($1) GROUP BY 1"
VIEW = "SELECT s::text FROM view.sections AS s ORDER BY section, customer_id"
MADE_ANEW = "SELECT s::text FROM view.sections_shadow AS s ORDER BY section, customer_id"
"""What the last rebuild read of the topics, before it was joined with what is shown."""
WATCHED = "gateway", "audit"
"""The queue that is never empty: whoever watches for versions that fall goes on to read."""
TASKS, CONNECTIONS = "guanxi_tasks", "guanxi_database_connections"


@dataclass(frozen=True)
class Process:
    """What one process has at a moment: MiB, open files but for idle connections, tasks, and its pools' connections."""

    memory: float
    files: int
    tasks: int
    idle: int
    used: int


@dataclass(frozen=True)
class Sample:
    """`sessions` are those of each database, without what the pools keep."""

    processes: dict[str, Process]
    sessions: dict[str, int]


class Gauge:
    """Looks at every process of the bank, by /proc and by its metrics."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    async def look(self) -> Sample:
        async with aiohttp.ClientSession() as session:
            pids = self._bank.stack.pids()
            found = {name: await self._process(session, name, pid) for name, pid in pids.items()}
        rows = await self._bank.databases.rows("postgres", SESSIONS, list(APPS))
        sessions = {row[0]: row[1] for row in rows}
        for name, process in found.items():
            sessions[name.partition("-")[0]] -= process.idle
        return Sample(found, sessions)

    async def _process(self, session: aiohttp.ClientSession, name: str, pid: int) -> Process:
        folder = Path(f"/proc/{pid}")
        pages = int((folder / "statm").read_text().split()[1])
        memory = pages * os.sysconf("SC_PAGE_SIZE") / 1024**2
        async with session.get(f"{self._management(name)}/metrics") as answer:
            families = {family.name: family for family in text_string_to_metric_families(await answer.text())}
        files, tasks = len(list((folder / "fd").iterdir())), int(families[TASKS].samples[0].value)
        connections = {sample.labels["state"]: int(sample.value) for sample in families[CONNECTIONS].samples}
        return Process(memory, files - connections["idle"], tasks, **connections)

    def _management(self, name: str) -> str:
        settings, app = self._bank.stack.settings, name.partition("-")[0]
        return settings.address(app, 2 + processes_of(settings)[app].index(name))


@pytest.fixture(scope="module")
async def bank(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bank]:
    async with bank_at_work(tmp_path_factory.mktemp("soak")) as bank:
        yield bank


async def rate_of(bank: Bank, seconds: float) -> float:
    """Stories a second, over so many seconds."""
    began, told = time.monotonic(), bank.stories.told
    await asyncio.sleep(seconds)
    return (bank.stories.told - told) / (time.monotonic() - began)


def said(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201 - `make soak` shows it


async def test_nothing_grows_and_what_is_shown_is_what_is_true(bank: Bank) -> None:
    gauge = Gauge(bank)
    await bank.whole_again()
    top = await rate_of(bank, TOP_SECONDS)
    before = await at_rest(bank, gauge)
    bank.stories.every = 2 / top
    said(f"\ntop {top:.1f} stories a second; half of it for {MINUTES:g} minutes")
    bank.stories.begin()
    await bank.whole_again()
    samples, ended = await sampled(bank, gauge), time.monotonic()
    quarter = len(samples) // 4
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    report(early, late)
    after = list(await at_rest(bank, gauge))
    said(f"every queue drained {time.monotonic() - ended:.1f} s after the last story began")
    assert bank.driver.refused == []
    assert growths(early, late) == []
    assert await until_let_go(gauge, before, after) == []
    await the_view_is_what_a_rebuild_makes(bank)
    assert bank.reader.falls == []


async def at_rest(bank: Bank, gauge: Gauge) -> Sequence[Sample]:
    """Everybody finishes what they are at, and nothing waits: each record that is being sent would be a task."""
    await bank.stories.finish()

    async def drained() -> bool:
        left = await waiting(bank.stack.settings)
        del left[WATCHED]
        return await is_settled(bank.databases) and not left

    await until(drained, "every queue is drained", seconds=120)
    return [await gauge.look() for _ in range(LOOKS)]


async def sampled(bank: Bank, gauge: Gauge) -> Sequence[Sample]:
    samples, ends = [], time.monotonic() + MINUTES * 60
    told = bank.stories.told
    began = time.monotonic()
    while time.monotonic() < ends:
        samples.append(await gauge.look())
        await asyncio.sleep(SAMPLE_SECONDS)
    seconds = time.monotonic() - began
    said(f"{bank.driver.ledger.acknowledged} commands, {(bank.stories.told - told) / seconds:.1f} stories a second")
    return samples


def report(early: Sequence[Sample], late: Sequence[Sample]) -> None:
    said(f"{'process':24}{'MiB':>16}{'files':>12}{'tasks':>12}")
    for name in sorted(early[0].processes):
        before, after = _typical(early, name), _typical(late, name)
        memory = f"{before.memory:.0f} > {after.memory:.0f}"
        said(f"{name:24}{memory:>16}{f'{before.files} > {after.files}':>12}{f'{before.tasks} > {after.tasks}':>12}")


def growths(early: Sequence[Sample], late: Sequence[Sample]) -> list[str]:
    """Whose memory is more in the last quarter than in the second."""
    found = []
    for name in early[0].processes:
        before, after = _typical(early, name).memory, _typical(late, name).memory
        if after > before * MAY_GROW:
            found.append(f"{name}: {before:.0f} MiB became {after:.0f}")
    return found


async def until_let_go(gauge: Gauge, before: Sequence[Sample], after: list[Sample]) -> list[str]:
    """What one process keeps open to another for the next request ends once it has idled for long enough."""
    ends = time.monotonic() + IDLE_SECONDS
    while (found := leaks(before, after)) and time.monotonic() < ends:
        said("; ".join(found))
        await asyncio.sleep(SAMPLE_SECONDS)
        after.append(await gauge.look())
    return found


def leaks(before: Sequence[Sample], after: Sequence[Sample]) -> list[str]:
    """Of what comes and goes, what is more at rest than it was at rest before."""
    found: list[str] = []
    for name in before[0].processes:
        for kind in COMES_AND_GOES:
            found += _leaks(before, after, f"{kind} of {name}", lambda sample: getattr(sample.processes[name], kind))  # noqa: B023 - called at once
    for app in APPS:
        found += _leaks(before, after, f"sessions of {app}", lambda sample: sample.sessions[app])  # noqa: B023 - as above
    return found


def _leaks(
    before: Sequence[Sample], after: Sequence[Sample], what: str, count: Callable[[Sample], int]
) -> Iterator[str]:
    most, least = max(map(count, before)), min(map(count, after))
    if least > most + FEW:
        yield f"{what}: {most} at most became {least} at least"


def _typical(samples: Sequence[Sample], name: str) -> Process:
    def typical(kind: str) -> float:
        return median([getattr(sample.processes[name], kind) for sample in samples])

    memory, *counts = (typical(field.name) for field in fields(Process))
    return Process(memory, *map(int, counts))


async def the_view_is_what_a_rebuild_makes(bank: Bank) -> None:
    """Byte for byte."""
    shown = [row[0] for row in await bank.databases.rows("gateway", VIEW)]
    status, output = await guanxi(bank.stack.settings, "rebuild", "gateway", "view")
    assert status == 0, output
    rebuilt = [row[0] for row in await bank.databases.rows("gateway", MADE_ANEW)]
    assert shown == rebuilt
    said(f"{len(shown)} rows of the view are what a rebuild makes of the topics")
