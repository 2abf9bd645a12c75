"""`make scale`: the demo bank at 2,000 and at 30,000 customers, on this machine.

What is printed: how many customers a second come in by REST and the core's topics, the longest that each queue of each
app was meanwhile and how long all take to drain, and the 99th percentile of the 360° view in both banks, with a ratio.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import aiohttp
import asyncpg
import uvloop
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from bench.load import request, run
from guanxi.demo.bank import SEED, load_demo
from guanxi.demo.plan import BRANCHES
from guanxi.local.ports import listens
from guanxi.local.settings import APPS, LocalSettings
from guanxi.local.stack import Stack

SMALL, LARGE = 2_000, 30_000
GOAL = 1.5
"""The view's 99th percentile in the large bank, beside that in the small one."""
FIRST_PORT = 23_000
LOOK_SECONDS, DRAINED_WITHIN = 5.0, 900.0
READ_SECONDS, ROUNDS, CONNECTIONS, ASKED = 8.0, 5, 4, 1_000
UNLIMITED = {"read": "1000000000/minute"}
WAITS = {"guanxi_queue_depth": "queue", "guanxi_consumer_lag": "topic"}
"""What waits, by which label: in an app's own database, and in Kafka for it."""
SOME = "SELECT id::text FROM customers WHERE home_unit_id = $1 ORDER BY random() LIMIT $2"
UNIT = "SELECT id FROM directory.org_units WHERE code = $1"


@dataclass
class Queues:
    """Looks at the queues of every app while something goes on."""

    settings: LocalSettings
    most: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        self.most.clear()
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _watch(self) -> None:
        while True:
            for queue, depth in (await self.look()).items():
                self.most[queue] = max(self.most[queue], depth)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> dict[tuple[str, str], float]:
        found: dict[tuple[str, str], float] = defaultdict(float)
        async with aiohttp.ClientSession() as session:
            for app in APPS:
                async with session.get(f"{self.settings.address(app, 2)}/metrics") as answer:
                    told = text_string_to_metric_families(await answer.text())
                for sample in (sample for family in told if family.name in WAITS for sample in family.samples):
                    found[app, sample.labels[WAITS[sample.name]]] += sample.value
        return found

    async def drained(self) -> float:
        """Seconds until nothing waits anywhere."""
        began = time.monotonic()
        async with asyncio.timeout(DRAINED_WITHIN):
            while any((await self.look()).values()):  # noqa: ASYNC110 - what is waited for is in other processes
                await asyncio.sleep(1)
        return time.monotonic() - began


@dataclass(frozen=True)
class Bank:
    """What was measured of a bank of so many customers; `p99` in milliseconds, `drained` in seconds."""

    customers: int
    rate: float
    drained: float
    p99: float
    most: dict[tuple[str, str], float]


async def grown(stack: Stack, console: Console, queues: Queues, customers: int, before: int) -> Bank:
    began = time.monotonic()
    async with queues.watched():
        await load_demo(stack.settings, stack.issuer, console, customers=customers, seed=SEED)
        seconds = time.monotonic() - began
        drained = await queues.drained()
    rate = (customers - before) / seconds
    return Bank(customers, rate, drained, await tail(stack, console), dict(queues.most))


async def tail(stack: Stack, console: Console) -> float:
    """Of the 360° view as a branch head reads it, customer after customer."""
    code = BRANCHES[0][0]
    connection = await asyncpg.connect(stack.database_url("customer", "app"))
    unit = await connection.fetchval(UNIT, code)
    customers = [row[0] for row in await connection.fetch(SOME, unit, ASKED)]
    await connection.close()
    headers = {"Authorization": f"Bearer {stack.issuer.token(f'branch_head-{code}-1', ['branch_head'])}"}
    asked = [request(f"/api/v1/customers/{customer_id}/360", headers) for customer_id in customers]
    pid, port, found = stack.pids()["gateway"], stack.settings.port("gateway"), []
    for _ in range(ROUNDS + 1):
        with console.status("360° view"):
            done = await run(port, asked, connections=CONNECTIONS, seconds=READ_SECONDS, pid=pid)
        if done.failed:
            sys.exit(f"{done.failed} of the view's answers were errors")
        found.append(done.quantile(0.99))
    return median(found[1:])


def show(banks: Sequence[Bank], console: Console) -> None:
    table = Table("customers", "a second", "drained after", "360° p99", title="make scale")
    for bank in banks:
        table.add_row(f"{bank.customers:,}", f"{bank.rate:.1f}", f"{bank.drained:.0f} s", f"{bank.p99:.2f} ms")
    console.print(table)
    console.print(f"360° p99: {banks[-1].p99 / banks[0].p99:.2f} x (at most {GOAL} x)")
    longest = Table("app", "queue", *(f"{bank.customers:,}" for bank in banks), title="the longest that each queue was")
    for app, queue in sorted(banks[-1].most):
        longest.add_row(app, queue, *(f"{bank.most.get((app, queue), 0):,.0f}" for bank in banks))
    console.print(longest)


async def main(sizes: Sequence[int]) -> None:
    console = Console(width=120)
    places = ("base", 0), ("postgres", 80), ("kafka", 81), ("kafka_controller", 82)
    ports = {f"{name}_port": FIRST_PORT + place for name, place in places}
    with tempfile.TemporaryDirectory(prefix="guanxi-scale-") as home:
        limits = {**LocalSettings().limits, **UNLIMITED}
        told = {**ports, "home": home, "jar_cache": Path(".local/cache"), "limits": limits}
        settings = LocalSettings.model_validate(told)
        if await listens(settings.host, FIRST_PORT):
            sys.exit(f"Something listens on port {FIRST_PORT} already.")
        stack = Stack(settings, console)
        try:
            await stack.start()
            banks, queues = [], Queues(settings)
            for before, customers in zip((0, *sizes), sizes, strict=False):
                banks.append(await grown(stack, console, queues, customers, before))
            show(banks, console)
        finally:
            await stack.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument(
        "sizes", nargs="*", type=int, default=[SMALL, LARGE], help="how many customers, one after the other"
    )
    uvloop.run(main(parser.parse_args().sizes))
