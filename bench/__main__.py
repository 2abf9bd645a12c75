"""`make bench`: each figure beside its floor, both from this run, rounds taken in turn, as a ratio of medians.

The 360° read is as `make run` serves it: token, scope, permissions and durable audit; its floor is a bare FastAPI route
that answers with the bytes of one row of the same database. Pass-through stands beside a bare aiohttp forwarder.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import uvloop
from rich.console import Console
from rich.table import Table

from bench.costs import costs, flushes
from bench.ground import Ground, answers, prepared
from bench.load import Round, request, run
from bench.proxy import proxy_to

FIRST_PORT = 21_000
REST = 16
DELAY = 0.1
"""Seconds by which one service is late in the live composition: its floor."""
SERVICES = ("customer", "manager", "marketing", "complaints", "scoring")
UNLIMITED = {"GUANXI_LIMITS": json.dumps({"read": "1000000000/minute"})}
"""One login asks as often as it can: it is counted, and never refused."""


@dataclass(frozen=True)
class Target:
    """A server and what it is asked."""

    port: int
    pid: int
    requests: Sequence[bytes]


@dataclass(frozen=True)
class Figure:
    """A ratio of two medians. `goal` is the bar: at least, or with `most` at most."""

    what: str
    unit: str
    measured: float
    floor: float
    goal: float
    most: bool = False
    cpu: float = 0.0
    floor_cpu: float = 0.0

    @property
    def ratio(self) -> float:
        return self.measured / self.floor

    @property
    def holds(self) -> bool:
        return self.ratio <= self.goal if self.most else self.ratio >= self.goal


async def rounds(
    measured: Target, floor: Target, *, connections: int, seconds: float, count: int
) -> tuple[list[Round], list[Round]]:
    """Taken in turn, so that a neighbour's load meets both; the first of each warms up and is dropped."""
    taken: tuple[list[Round], list[Round]] = ([], [])
    for _ in range(count + 1):
        for target, kept in zip((measured, floor), taken, strict=True):
            one = await run(target.port, target.requests, connections=connections, seconds=seconds, pid=target.pid)
            if one.failed:
                raise RuntimeError(f"{one.failed} of {len(one.latencies)} requests failed on port {target.port}")
            kept.append(one)
    return taken[0][1:], taken[1][1:]


def rates(what: str, pair: tuple[list[Round], list[Round]], goal: float) -> Figure:
    measured, floor = pair
    return Figure(
        what,
        "requests/s",
        median(r.rate for r in measured),
        median(r.rate for r in floor),
        goal,
        cpu=median(r.cpu_each for r in measured),
        floor_cpu=median(r.cpu_each for r in floor),
    )


def tails(what: str, pair: tuple[list[Round], list[Round]], goal: float) -> Figure:
    measured, floor = (median(r.quantile(0.99) for r in some) for some in pair)
    return Figure(what, "ms, p99", measured, floor, goal, most=True)


async def figures(ground: Ground, *, seconds: float, count: int, console: Console) -> list[Figure]:
    headers = {"Authorization": f"Bearer {ground.token('teller')}"}
    raw_port, raw = await ground.floor("raw", 1, ground.url("gateway", "app"))
    behind = f"http://127.0.0.1:{raw_port}"
    upstreams = {"customer": dict.fromkeys(("public", "internal", "management"), behind)}
    gateway_port, gateway = await ground.serve("gateway", 2, GUANXI_UPSTREAMS=json.dumps(upstreams), **UNLIMITED)
    bare_port, bare = await ground.floor("forward", 3, behind)

    def asked(path: str, told: dict[str, str]) -> list[bytes]:
        return [request(path.format(customer_id), told) for customer_id in ground.customers]

    view, detail = "/api/v1/customers/{}/360", "/api/v1/customers/{}"
    await answers(f"http://127.0.0.1:{gateway_port}{view.format(ground.customers[0])}", headers)
    await answers(f"http://127.0.0.1:{gateway_port}{detail.format(ground.customers[0])}", headers)
    viewed = Target(gateway_port, gateway.pid, asked(view, headers))
    rows = Target(raw_port, raw.pid, asked("/rows/{}", {}))
    passed = Target(gateway_port, gateway.pid, asked(detail, headers))
    forwarded = Target(bare_port, bare.pid, asked(detail, headers))
    found = []
    with console.status("measuring ...") as status:
        status.update("360° view beside one row, 16 connections")
        pair = await rounds(viewed, rows, connections=REST, seconds=seconds, count=count)
        found.append(rates("360° read / one row", pair, 0.60))
        status.update("360° view beside one row, 1 connection")
        pair = await rounds(viewed, rows, connections=1, seconds=seconds, count=2 * count)  # a tail needs more of them
        found.append(tails("360° read, 1 connection", pair, 2.0))
        status.update("pass-through beside a bare forwarder")
        pair = await rounds(passed, forwarded, connections=REST, seconds=seconds, count=count)
        found.append(rates("pass-through / bare forwarder", pair, 0.50))
    return found


def show(found: Sequence[Figure], console: Console) -> None:
    table = Table("figure", "unit", "measured", "floor", "ratio", "bar", "CPU µs each", "floor's")
    for figure in found:
        bar = f"{'≤' if figure.most else '≥'} {figure.goal:g}"
        mark = "[green]✓[/green]" if figure.holds else "[red]✗[/red]"
        cpu = (f"{figure.cpu:.0f}", f"{figure.floor_cpu:.0f}") if figure.cpu else ("", "")
        measured = (f"{figure.measured:,.4g}", f"{figure.floor:,.4g}", f"{figure.ratio:.2f}")
        table.add_row(figure.what, figure.unit, *measured, f"{bar} {mark}", *cpu)
    console.print(table)


async def live(ground: Ground, *, seconds: float, count: int, console: Console) -> tuple[Figure, float]:
    """p95 of the live composition at one connection: with a service delayed, beside the delay; with none, in ms."""
    token = {"Authorization": f"Bearer {ground.token('teller')}"}
    ports = {app: (await ground.serve(app, place))[0] for place, app in enumerate(SERVICES, 4)}
    async with AsyncExitStack() as opened:
        proxies = {app: await opened.enter_async_context(proxy_to(port + 1)) for app, port in ports.items()}
        upstreams = {
            app: dict.fromkeys(("public", "internal", "management"), f"http://127.0.0.1:{proxy.port}")
            for app, proxy in proxies.items()
        }
        port, gateway = await ground.serve("gateway", 7, GUANXI_UPSTREAMS=json.dumps(upstreams), **UNLIMITED)
        path = "/api/v1/customers/{}/360?consistency=live"
        await answers(f"http://127.0.0.1:{port}{path.format(ground.customers[0])}", token)
        requests = [request(path.format(customer_id), token) for customer_id in ground.customers]
        taken: dict[float, list[float]] = {0.0: [], DELAY: []}
        with console.status("live composition, with one service delayed and with none"):
            for _ in range(count + 1):
                for delay, kept in taken.items():
                    proxies["manager"].delay = delay
                    one = await run(port, requests, connections=1, seconds=seconds, pid=gateway.pid)
                    kept.append(one.quantile(0.95))
    none, delayed = (median(kept[1:]) for kept in taken.values())
    return Figure("live, one service delayed", "ms, p95", delayed, DELAY * 1000, 1.30, most=True), none


async def bench(*, seconds: float, count: int, console: Console) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="guanxi-bench-") as home:
        async with prepared(Path(home), FIRST_PORT) as ground:
            found = await figures(ground, seconds=seconds, count=count, console=console)
            delayed, undelayed = await live(ground, seconds=seconds, count=count, console=console)
            spent, flush = await costs(ground), flushes(ground.home)
    found.append(delayed)
    show(found, console)
    console.print(f"live composition, no service delayed: p95 {undelayed:.1f} ms")
    console.print("one flush of the disk: {:.2f} ms, p99 {:.2f} ms".format(*flush))
    for what, microseconds in spent.items():
        console.print(f"one request's {what}: {microseconds:.0f} µs of processor time")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one round")
    parser.add_argument("--rounds", type=int, default=5, help="of each side; the median counts")
    parser.add_argument("--out", type=Path, default=Path(".local/bench.json"))
    options = parser.parse_args()
    console = Console()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(bench(seconds=options.seconds, count=options.rounds, console=console))
    document = [{**asdict(figure), "ratio": figure.ratio, "holds": figure.holds} for figure in found]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    console.print(f"as JSON: {options.out}")


if __name__ == "__main__":
    main()
