"""`make bench`: each figure beside its floor, both from this run, rounds taken in turn, as a ratio of medians.

Everything is as `make run` serves it: token, limit, scope, permissions, durable audit, metrics, one request in a
hundred traced. The floor of the 360° read is a bare FastAPI route that answers with the bytes of one row of the same
database; pass-through stands beside a bare aiohttp forwarder, a command beside two rows written through an ORM.
"""

import argparse
import asyncio
import json
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import uvloop
from rich.console import Console

from bench.commands import commands, reads
from bench.costs import costs, flushes, wanted_and_stolen
from bench.figures import Figure, Target, cpu_of, rates, rounds, show, tails
from bench.flow import projected, relayed
from bench.ground import Ground, answers, prepared
from bench.load import Round, request, run
from bench.proxy import Proxy, proxy_to
from bench.way import visible

FIRST_PORT = 21_000
REST = 16
DELAY = 0.1
"""Seconds by which one service is late in the live composition: its floor."""
SERVICES = ("customer", "manager", "marketing", "complaints", "scoring")
UNLIMITED = {"GUANXI_LIMITS": json.dumps({"read": "1000000000/minute"})}
"""One login asks as often as it can: it is counted, and never refused."""
VIEW, LIVE, DETAIL = "/api/v1/customers/{}/360", "/api/v1/customers/{}/360?consistency=live", "/api/v1/customers/{}"


@dataclass(frozen=True)
class Bench:
    """`seconds` of a round, and `count` rounds of each side."""

    ground: Ground
    seconds: float
    count: int
    console: Console

    @property
    def teller(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.ground.token('teller')}"}

    def asked(self, path: str, headers: dict[str, str]) -> list[bytes]:
        return [request(path.format(customer_id), headers) for customer_id in self.ground.customers]

    async def served(self, port: int, path: str) -> None:
        await answers(f"http://127.0.0.1:{port}{path.format(self.ground.customers[0])}", self.teller)

    async def beside(self, what: str, measured: Target, floor: Target, goal: float, connections: int = REST) -> Figure:
        with self.console.status(what):
            pair = await rounds(measured, floor, connections=connections, seconds=self.seconds, count=self.count)
        return rates(what, pair, goal)


async def gateway(bench: Bench) -> list[Figure]:
    """The 360° read and pass-through."""
    ground = bench.ground
    raw_port, raw = await ground.floor("raw", 1, ground.url("gateway", "app"))
    behind = f"http://127.0.0.1:{raw_port}"
    upstreams = {"customer": dict.fromkeys(("public", "internal", "management"), behind)}
    port, process = await ground.serve("gateway", 2, {"GUANXI_UPSTREAMS": json.dumps(upstreams), **UNLIMITED})
    bare_port, bare = await ground.floor("forward", 3, behind)
    await bench.served(port, VIEW)
    await bench.served(port, DETAIL)
    viewed = Target(port, process.pid, bench.asked(VIEW, bench.teller))
    rows = Target(raw_port, raw.pid, bench.asked("/rows/{}", {}))
    passed = Target(port, process.pid, bench.asked(DETAIL, bench.teller))
    forwarded = Target(bare_port, bare.pid, bench.asked(DETAIL, bench.teller))
    found = [await bench.beside("360° read / one row", viewed, rows, 0.60)]
    with bench.console.status("360° read, 1 connection"):  # a tail needs more of them
        pair = await rounds(viewed, rows, connections=1, seconds=bench.seconds, count=2 * bench.count)
    found.append(tails("360° read, 1 connection / one row", pair, 2.0))
    found.append(await bench.beside("pass-through / bare forwarder", passed, forwarded, 0.50))
    with bench.console.status("one row through the ORM, and a command"):
        found.append(await reads(ground, rows, seconds=bench.seconds, count=bench.count))
        found.append(await commands(ground, seconds=bench.seconds, count=bench.count))
    return found


async def flow(bench: Bench) -> list[Figure]:
    with bench.console.status("from a commit to the view, relay, projector"):
        # First of all, while nobody has anything left to tell of what was measured before.
        seen = await visible(bench.ground, count=bench.count)
        relay = await relayed(bench.ground, count=bench.count)
        return [relay, *seen, await projected(bench.ground, count=bench.count)]


@dataclass(frozen=True)
class Composed:
    """A gateway before all services, and one before the same, each behind a proxy that can be made late."""

    direct: Target
    delayed: Target
    proxies: dict[str, Proxy]


def _at(public: str, internal: str) -> dict[str, str]:
    return {"public": public, "internal": internal, "management": internal}


async def _composing(bench: Bench, place: int, upstreams: dict[str, dict[str, str]]) -> Target:
    told = {"GUANXI_UPSTREAMS": json.dumps(upstreams), **UNLIMITED}
    port, process = await bench.ground.serve("gateway", place, told)
    await bench.served(port, LIVE)
    return Target(port, process.pid, bench.asked(LIVE, bench.teller))


@asynccontextmanager
async def composed(bench: Bench) -> AsyncIterator[Composed]:
    ground = bench.ground
    ports = {app: (await ground.serve(app, place))[0] for place, app in enumerate(SERVICES, 4)}
    async with AsyncExitStack() as opened:
        proxies = {app: await opened.enter_async_context(proxy_to(port + 1)) for app, port in ports.items()}
        late = {app: f"http://127.0.0.1:{proxy.port}" for app, proxy in proxies.items()}
        upstreams = {app: _at(where, where) for app, where in late.items()}
        direct = {app: _at(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}") for app, port in ports.items()}
        yield Composed(await _composing(bench, 15, direct), await _composing(bench, 16, upstreams), proxies)


async def live(bench: Bench) -> tuple[list[Figure], float]:
    """The view beside the live composition; that with a service delayed, beside the delay; with none, p95 in ms."""
    async with composed(bench) as gateway:
        direct, target = gateway.direct, gateway.delayed
        stored = Target(direct.port, direct.pid, bench.asked(VIEW, bench.teller))
        found = [await bench.beside("360° read / live composition", stored, direct, 3.0)]
        taken: dict[float, list[Round]] = {0.0: [], DELAY: []}
        with bench.console.status("live composition, with one service delayed and with none"):
            for _ in range(bench.count + 1):
                for delay, kept in taken.items():
                    gateway.proxies["manager"].delay = delay
                    one = await run(target.port, target.requests, connections=1, seconds=bench.seconds, pid=target.pid)
                    kept.append(one)
    none, delayed = (median(one.quantile(0.95) for one in kept[1:]) for kept in taken.values())
    what, cpu = "live, one service delayed / the delay", cpu_of(taken[DELAY][1:])
    found.append(Figure(what, "ms, p95", delayed, DELAY * 1000, 1.30, most=True, cpu=cpu))
    return found, none


async def measured(*, seconds: float, count: int, console: Console) -> list[Figure]:
    before = wanted_and_stolen()
    with tempfile.TemporaryDirectory(prefix="guanxi-bench-") as home:
        async with prepared(Path(home), FIRST_PORT) as ground:
            bench = Bench(ground, seconds, count, console)
            on_the_way = await flow(bench)
            found = [*await gateway(bench), *on_the_way]
            composition, undelayed = await live(bench)
            spent, flush = await costs(ground), flushes(ground.home)
    wanted, stolen = (after - then for then, after in zip(before, wanted_and_stolen(), strict=True))
    found += composition
    show(found, console)
    console.print(f"live composition, no service delayed: p95 {undelayed:.1f} ms")
    console.print(f"of the processor time that was wanted, other machines were given {stolen / wanted:.0%}")
    console.print("one flush of the disk: {:.2f} ms, p99 {:.2f} ms".format(*flush))
    for what, microseconds in spent.items():
        console.print(f"one request's {what}: {microseconds:.0f} µs of processor time")
    return found


def write(found: Sequence[Figure], out: Path, console: Console) -> None:
    """As JSON, and as a picture of what stands on the terminal beside it."""
    document = [{**asdict(figure), "ratio": figure.ratio, "holds": figure.holds} for figure in found]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    picture = out.with_suffix(".svg")
    fonts_of_others = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
    picture.write_text(fonts_of_others.sub("", console.export_svg(title="make bench")))
    console.print(f"as JSON: {out}, as a picture: {picture}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one round")
    parser.add_argument("--rounds", type=int, default=5, help="of each side; the median counts")
    parser.add_argument("--out", type=Path, default=Path(".local/bench.json"))
    options = parser.parse_args()
    console = Console(record=True, width=150)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(measured(seconds=options.seconds, count=options.rounds, console=console))
    write(found, options.out, console)
    sys.exit(not all(figure.holds for figure in found))


if __name__ == "__main__":
    main()
