"""Tests wait for what they wait for: a condition polled with a deadline, never a number of seconds."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import ROOT, Finding, Source, dotted, none, sources, write

SLEEPS = {"asyncio.sleep", "time.sleep", "sleep"}
DEADLINES = {"asyncio.timeout", "asyncio.timeout_at"}
POLLS = re.compile(r"_?(until|poll|eventually|wait_until|wait_for)(_\w+)?")
"""Functions that look again after each short sleep."""


LASTING = {
    "_turn": "how long one waits for one's turn is the load itself",
    "rate_of": "how long a load is measured is the measure itself",
    "sampled": "how long a load lasts is what is asked of it",
    "frozen_for": "how long a process stays frozen is the fault itself",
    "_is_inside": "only time tells a session that waits for a frozen client from one at work",
}


def fixed_waits(root: Path) -> Iterator[Finding]:
    for source in sources(root, "tests"):
        yield from _waits(source, source.tree, polling=False, bounded=False)


def _waits(source: Source, node: ast.AST, *, polling: bool, bounded: bool) -> Iterator[Finding]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        polling, bounded = POLLS.fullmatch(node.name) is not None or node.name in LASTING, False
    bounded = bounded or _has_deadline(node)
    polling = polling or (bounded and isinstance(node, ast.While))
    if isinstance(node, ast.Call) and dotted(node.func) in SLEEPS and not polling and not _yields_only(node):
        yield source.finding(node, "a fixed wait: poll a condition with tests/polling.py")
    for child in ast.iter_child_nodes(node):
        yield from _waits(source, child, polling=polling, bounded=bounded)


def _has_deadline(node: ast.AST) -> bool:
    """`async with asyncio.timeout(…)`: a loop inside looks again until then."""
    if not isinstance(node, ast.AsyncWith):
        return False
    return any(isinstance(i.context_expr, ast.Call) and dotted(i.context_expr.func) in DEADLINES for i in node.items)


def _yields_only(call: ast.Call) -> bool:
    """`asyncio.sleep(0)` lets others run and waits for nothing."""
    return len(call.args) == 1 and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0


def test_no_test_waits_a_fixed_time() -> None:
    none(fixed_waits(ROOT))


SAMPLE = """
async def until(holds):
    while not await holds():
        await asyncio.sleep(0.05)

async def test_something():
    await asyncio.sleep(0)
    await asyncio.sleep(2)
    time.sleep(PAUSE)
    await until(done)
    async with asyncio.timeout(5):
        await asyncio.sleep(3)
        while not await done():
            await asyncio.sleep(0.1)
    while not await done():
        await asyncio.sleep(0.1)
"""


def test_a_fixed_wait_and_a_poll_without_a_deadline_are_found(tmp_path: Path) -> None:
    write(tmp_path, "tests/test_x.py", SAMPLE)
    assert [found.line for found in fixed_waits(tmp_path)] == [8, 9, 12, 16]
