"""A figure: what was measured beside its floor, both in the same run, as a ratio of two medians."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.load import Round, run


@dataclass(frozen=True)
class Target:
    """A server and what it is asked, again and again or for ever."""

    port: int
    pid: int
    requests: Iterable[bytes]


@dataclass(frozen=True)
class Figure:
    """A ratio of two medians. `goal` is the bar: at least, or with `most` at most; with `own`, of what is measured."""

    what: str
    unit: str
    measured: float
    floor: float
    goal: float
    most: bool = False
    own: bool = False
    cpu: float = 0.0
    floor_cpu: float = 0.0

    @property
    def ratio(self) -> float:
        return self.measured / self.floor

    @property
    def holds(self) -> bool:
        barred = self.measured if self.own else self.ratio
        return barred <= self.goal if self.most else barred >= self.goal


Pair = tuple[list[Round], list[Round]]


async def rounds(measured: Target, floor: Target, *, connections: int, seconds: float, count: int) -> Pair:
    """Taken in turn, so that a neighbour's load meets both; the first of each warms up and is dropped."""
    taken: Pair = ([], [])
    for _ in range(count + 1):
        for target, kept in zip((measured, floor), taken, strict=True):
            one = await run(target.port, target.requests, connections=connections, seconds=seconds, pid=target.pid)
            if one.failed:
                raise RuntimeError(f"{one.failed} of {len(one.latencies)} requests failed on port {target.port}")
            kept.append(one)
    return taken[0][1:], taken[1][1:]


def rates(what: str, pair: Pair, goal: float) -> Figure:
    measured, floor = pair
    rate, beside = (median(r.rate for r in some) for some in pair)
    return Figure(what, "requests/s", rate, beside, goal, cpu=cpu_of(measured), floor_cpu=cpu_of(floor))


def tails(what: str, pair: Pair, goal: float) -> Figure:
    measured, floor = (median(r.quantile(0.99) for r in some) for some in pair)
    cpu, floor_cpu = (cpu_of(some) for some in pair)
    return Figure(what, "ms, p99", measured, floor, goal, most=True, cpu=cpu, floor_cpu=floor_cpu)


def cpu_of(some: Iterable[Round]) -> float:
    return median(one.cpu_each for one in some)


def show(found: Sequence[Figure], console: Console) -> None:
    table = Table("figure", "unit", "measured", "floor", "ratio", "bar", "CPU µs each", "floor's")
    for figure in found:
        bar = f"{'≤' if figure.most else '≥'} {figure.goal:g}{' ms' if figure.own else ''}"
        mark = "[green]✓[/green]" if figure.holds else "[red]✗[/red]"
        cpu = (f"{each:.0f}" if each else "" for each in (figure.cpu, figure.floor_cpu))
        measured = (f"{figure.measured:,.4g}", f"{figure.floor:,.4g}", f"{figure.ratio:.2f}")
        table.add_row(figure.what, figure.unit, *measured, f"{bar} {mark}", *cpu)
    console.print(table)
