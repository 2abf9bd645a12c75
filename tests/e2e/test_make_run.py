"""`make run SPLIT=1 REPLICAS=2`: the demo bank is loaded once, what is printed answers, and a killed process is one of two."""

import asyncio
import json
import os
import shlex
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from guanxi.local.settings import LocalSettings
from tests.conftest import ROOT
from tests.e2e.stacks import apart, guanxi
from tests.polling import until

pytestmark = [pytest.mark.e2e, pytest.mark.deep]

WHOLE = dict.fromkeys(("profile", "relationship", "marketing", "complaints", "scores"), "ok")
CUSTOMERS, ASKED = 20, 40
FIRST_SECONDS, ENDS_SECONDS = 240.0, 60.0


def environment(settings: LocalSettings) -> dict[str, str]:
    told = ("home", "base_port", "postgres_port", "kafka_port", "kafka_controller_port", "jar_cache")
    given = {f"GUANXI_{name}".upper(): str(getattr(settings, name)) for name in told}
    return {"PATH": os.environ["PATH"], **given, "GUANXI_DEMO_CUSTOMERS": str(CUSTOMERS)}


@asynccontextmanager
async def running(settings: LocalSettings) -> AsyncIterator[tuple[Process, list[str], str]]:
    """The process, the `curl` that it printed, and all that it said before; Ctrl-C ends it, and well."""
    command = [sys.executable, "-m", "guanxi.cli", "up", "--split", "--replicas", "2"]
    process = await asyncio.create_subprocess_exec(
        *command, env=environment(settings), cwd=ROOT, stdout=PIPE, stderr=STDOUT
    )
    try:
        *said, curl = await asyncio.wait_for(printed(process), FIRST_SECONDS)
        yield process, shlex.split(curl), "".join(said)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        rest, _ = await asyncio.wait_for(process.communicate(), ENDS_SECONDS)
    assert process.returncode == 0, rest.decode()


async def printed(process: Process) -> list[str]:
    assert process.stdout is not None
    said = []
    async for line in process.stdout:
        said.append(line.decode())
        if said[-1].startswith("curl "):
            return said
    raise AssertionError("".join(said))


async def answer(command: list[str]) -> Any:
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    output, _ = await process.communicate()
    return json.loads(output)


async def examined(settings: LocalSettings, names: list[str]) -> bool:
    """Whether `guanxi doctor` looks at each of these, and finds all well."""
    status, said = await guanxi(settings, "doctor", "--json")
    seen = {finding["subject"] for finding in json.loads(said)["findings"]}
    assert set(names) <= seen, seen
    return status == 0


def serving(parent: Process, package: str) -> list[int]:
    """The processes that serve an app."""
    children = [
        int(pid) for file in Path(f"/proc/{parent.pid}/task").glob("*/children") for pid in file.read_text().split()
    ]
    told = {pid: Path(f"/proc/{pid}/cmdline").read_text().split("\0") for pid in children}
    return sorted(pid for pid, words in told.items() if package in words and "--no-worker" in words)


async def test_what_is_printed_shows_a_customer_whole_and_one_of_two_processes_may_fall(tmp_path: Path) -> None:
    settings = apart(LocalSettings, tmp_path)
    async with running(settings) as (process, curl, said):
        assert "came in within" in said
        view: dict[str, Any] = {}

        async def whole() -> bool:
            view.update(await answer(curl))
            return {name: section["state"] for name, section in view["sections"].items()} == WHOLE

        await until(whole)
        every = [f"customer-{kind}-{number}" for kind in ("app", "worker") for number in (1, 2)]
        await until(lambda: examined(settings, every))
        itself = [word.removesuffix("/360") for word in curl]
        first, second = serving(process, "services.customer")
        os.kill(first, signal.SIGKILL)
        told = [await answer(itself) for _ in range(ASKED)]
        without = [one for one in told if one.get("id") != view["customer_id"]]
        assert len(without) <= 1, without  # what the killed one had in hand
        assert second in serving(process, "services.customer")
    async with running(settings) as (_, again, said):
        assert "came in within" not in said, "loaded once"
        assert [word for word in again if "/360" in word] == [word for word in curl if "/360" in word]
        assert (await answer(again))["customer_id"] == view["customer_id"]
