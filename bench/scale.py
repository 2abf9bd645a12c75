"""`make scale`: the demo bank at 2,000 and at 30,000 customers, on this machine.

What is printed: how many customers a second come in by REST and the core's topics, the longest that each queue of each
app was in each quarter of that time and how long all take to drain, and the 99th percentile of the 360° view in both
banks, with a ratio.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import asyncpg
import uvloop
from rich.console import Console
from rich.table import Table

from bench.load import request, run
from guanxi.demo.bank import SEED, load_demo
from guanxi.demo.plan import BRANCHES
from guanxi.examination.waiting import Depths, left_until_quiet, waiting
from guanxi.local.ports import listens
from guanxi.local.settings import LocalSettings
from guanxi.local.stack import Stack

SMALL, LARGE = 2_000, 30_000
GOAL = 1.5
"""The view's 99th percentile in the large bank, beside that in the small one."""
RATE = 2_000 / 90
"""Customers a second: the demo bank is loaded within a minute and a half."""
FEW = 1_000
"""What waits for a moment: a batch of the core's records, twice."""
FIRST_PORT = 23_000
LOOK_SECONDS, DRAINED_WITHIN = 5.0, 900.0
PARTS = 4
READ_SECONDS, ROUNDS, CONNECTIONS, ASKED = 8.0, 5, 4, 1_000
UNLIMITED = {"read": "1000000000/minute"}
SOME = "SELECT id::text FROM customers WHERE home_unit_id = $1 ORDER BY random() LIMIT $2"
UNIT = "SELECT org_unit_id FROM directory.org_units WHERE code = $1"


@asynccontextmanager
async def watched(settings: LocalSettings) -> AsyncIterator[list[Depths]]:
    """What waits in every queue, seen again and again."""
    seen: list[Depths] = []
    task = asyncio.create_task(_watch(settings, seen))
    try:
        yield seen
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _watch(settings: LocalSettings, seen: list[Depths]) -> None:
    while True:
        seen.append(await waiting(settings))
        await asyncio.sleep(LOOK_SECONDS)


async def drained(settings: LocalSettings) -> float:
    """Seconds until nothing waits anywhere, and nothing comes after it."""
    began = ended = time.monotonic()
    async with asyncio.timeout(DRAINED_WITHIN):
        async for left in left_until_quiet(settings):
            ended = time.monotonic() if left else ended
    return ended - began


@dataclass(frozen=True)
class Bank:
    """What was measured of a bank of so many customers; `p99` in milliseconds, `drained` in seconds."""

    customers: int
    rate: float
    drained: float
    p99: float
    longest: list[Depths]
    """Of each queue, in each quarter of the time in which the bank grew."""


async def grown(stack: Stack, console: Console, customers: int, before: int) -> Bank:
    began = time.monotonic()
    async with watched(stack.settings) as seen:
        await load_demo(stack.settings, stack.issuer, console, customers=customers, seed=SEED, settled=False)
    rate = (customers - before) / (time.monotonic() - began)
    return Bank(customers, rate, await drained(stack.settings), await tail(stack, console), longest(seen))


def longest(seen: Sequence[Depths]) -> list[Depths]:
    """Of each queue, in each part of the time that was looked at."""
    parts = [Depths() for _ in range(PARTS)]
    for place, depths in enumerate(seen):
        parts[place * PARTS // len(seen)] |= depths
    return parts


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


def _ratio(banks: Sequence[Bank]) -> float:
    return banks[-1].p99 / banks[0].p99


def missed_by(banks: Sequence[Bank]) -> list[str]:
    """What does not hold of what is promised."""
    found = [] if _ratio(banks) <= GOAL else [f"360° p99: {_ratio(banks):.2f} x, at most {GOAL} x"]
    found += [f"{b.customers:,}: {b.rate:.1f} customers a second, {RATE:.1f} at least" for b in banks if b.rate < RATE]
    *_, third, last = banks[-1].longest
    grew = [name for name, depth in last.items() if depth > max(third[name], FEW)]
    return found + [f"{app} {queue}: {last[app, queue]:,} waited in the end" for app, queue in sorted(grew)]


def show(banks: Sequence[Bank], console: Console) -> None:
    table = Table("customers", "a second", "drained after", "360° p99", title="make scale")
    for bank in banks:
        table.add_row(f"{bank.customers:,}", f"{bank.rate:.1f}", f"{bank.drained:.0f} s", f"{bank.p99:.2f} ms")
    console.print(table)
    console.print(f"360° p99: {_ratio(banks):.2f} x (at most {GOAL} x)")
    quarters = banks[-1].longest
    depths = Table("app", "queue", *(f"{place} of {PARTS}" for place in range(1, PARTS + 1)))
    depths.title = f"the longest that each queue was on the way to {banks[-1].customers:,}, by quarters"
    for app, queue in sorted(set().union(*quarters)):
        depths.add_row(app, queue, *(f"{quarter[app, queue]:,}" for quarter in quarters))
    console.print(depths)


async def main(sizes: Sequence[int]) -> bool:
    """Returns whether the bar holds."""
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
            banks = []
            for before, customers in zip((0, *sizes), sizes, strict=False):
                banks.append(await grown(stack, console, customers, before))
        finally:
            await stack.stop()
    show(banks, console)
    missed = missed_by(banks)
    for sentence in missed:
        console.print(f"[red]missed:[/red] {sentence}")
    return not missed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument(
        "sizes", nargs="*", type=int, default=[SMALL, LARGE], help="how many customers, one after the other"
    )
    sys.exit(not uvloop.run(main(parser.parse_args().sizes)))
