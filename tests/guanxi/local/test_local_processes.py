import asyncio
import io
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from rich.console import Console

from guanxi.local.failures import LocalFailure
from guanxi.local.processes import Program, Supervisor
from guanxi.local.stream import readable

Until = Callable[..., Awaitable[None]]
Stages = list[list[Program]]
FOREVER = "import time\nwhile True: time.sleep(60)\n"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


def program(name: str, script: str, ready: Callable[[], Awaitable[bool]] | None = None) -> Program:
    return Program(name, [sys.executable, "-u", "-c", script], {"PATH": os.environ["PATH"]}, ready)


def file_exists(path: Path) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        return await asyncio.to_thread(path.exists)

    return ready


async def never() -> bool:
    return False


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
async def supervise(tmp_path: Path, screen: io.StringIO) -> AsyncIterator[Callable[..., Supervisor]]:
    supervisors: list[Supervisor] = []

    def new(stages: Stages, ready_within: float = 10.0, patience: float = 7.0) -> Supervisor:
        console, logs = Console(file=screen, width=200), tmp_path / "logs"
        supervisors.append(Supervisor(stages, console, logs, ready_within=ready_within, patience=patience))
        return supervisors[-1]

    yield new
    for each in supervisors:
        await each.stop()


async def test_a_crash_is_shown_and_the_program_started_again_ever_later(
    supervise: Callable[..., Supervisor], screen: io.StringIO, until: Until
) -> None:
    supervisor = supervise([[program("risk", "print('about to fail'); raise SystemExit(3)")]])
    await supervisor.start()
    await until(lambda: "in 0.8 s" in screen.getvalue())
    lines = screen.getvalue().splitlines()
    assert lines[:4] == [
        "risk │ about to fail",
        "risk │ risk ended with status 3, starting it again in 0.2 s",
        "risk │ about to fail",
        "risk │ risk ended with status 3, starting it again in 0.4 s",
    ]


async def test_a_killed_program_is_started_again(
    supervise: Callable[..., Supervisor], screen: io.StringIO, until: Until
) -> None:
    supervisor = supervise([[program("risk", FOREVER)]])
    await supervisor.start()
    first = supervisor.pids()["risk"]
    os.kill(first, signal.SIGKILL)
    await until(lambda: supervisor.pids().get("risk", first) != first)
    assert "risk was ended by SIGKILL, starting it again in 0.2 s" in screen.getvalue()


@pytest.mark.parametrize("own_session", [False, True])
async def test_a_crash_is_seen_while_a_child_still_holds_the_output(
    supervise: Callable[..., Supervisor], screen: io.StringIO, until: Until, *, own_session: bool
) -> None:
    script = (
        "import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(8)'], start_new_session={own_session})\n"
        "raise SystemExit(3)"
    )
    await supervise([[program("risk", script)]]).start()
    await until(lambda: "risk ended with status 3" in screen.getvalue(), 5)


async def test_a_stage_starts_when_the_one_before_is_ready(
    supervise: Callable[..., Supervisor], tmp_path: Path, screen: io.StringIO, until: Until
) -> None:
    mark = tmp_path / "ready"
    first = f"import pathlib, time; time.sleep(0.3); pathlib.Path({str(mark)!r}).touch()\n" + FOREVER
    second = f"import pathlib; print('first is', pathlib.Path({str(mark)!r}).exists())\n" + FOREVER
    await supervise([[program("first", first, file_exists(mark))], [program("second", second)]]).start()
    await until(lambda: "second │ first is" in screen.getvalue())
    assert "second │ first is True" in screen.getvalue()


async def test_who_is_not_ready_is_named_with_its_last_line(
    supervise: Callable[..., Supervisor], tmp_path: Path
) -> None:
    late = program("risk", "print('waiting for nothing')\n" + FOREVER, never)
    supervisor = supervise([[program("customer", FOREVER), late]], ready_within=1.0)
    with pytest.raises(LocalFailure) as failure:
        await supervisor.start()
    assert str(failure.value) == (
        'risk was not ready within 1 s, its last line is "waiting for nothing": '
        f"read {tmp_path / 'logs' / 'risk.log'}, mend the cause, start again."
    )
    assert supervisor.pids() == {}


async def test_a_program_that_cannot_be_started_is_shown(
    supervise: Callable[..., Supervisor], screen: io.StringIO, until: Until
) -> None:
    supervisor = supervise([[Program("risk", ["/no/such/program"], {})]])
    await supervisor.start()
    await until(lambda: "starting it again in 0.4 s" in screen.getvalue())
    assert "/no/such/program" in screen.getvalue()


async def test_stop_ends_the_last_stage_first(supervise: Callable[..., Supervisor], tmp_path: Path) -> None:
    order, started = tmp_path / "order", tmp_path / "started"
    started.mkdir()

    def slow_to_end(name: str) -> Program:
        script = (
            "import pathlib, signal, sys, time\n"
            "def end(*_):\n"
            f"    time.sleep(0.2); pathlib.Path({str(order)!r}).open('a').write('{name} '); sys.exit()\n"
            "signal.signal(signal.SIGTERM, end)\n"
            f"pathlib.Path({str(started / name)!r}).touch()\n"
        )
        return program(name, script + FOREVER, file_exists(started / name))

    supervisor = supervise([[slow_to_end("service")], [slow_to_end("gateway")]])
    await supervisor.start()
    await supervisor.stop()
    assert order.read_text() == "gateway service "


async def test_stop_leaves_nothing_even_of_programs_that_do_not_listen(
    supervise: Callable[..., Supervisor], tmp_path: Path, is_gone: Callable[[int], bool]
) -> None:
    child = tmp_path / "child"
    parent = DEAF + (
        "import pathlib, subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {DEAF + FOREVER!r}])\n"
        f"pathlib.Path({str(tmp_path / 'writing')!r}).write_text(str(child.pid))\n"
        f"pathlib.Path({str(tmp_path / 'writing')!r}).rename({str(child)!r})\n"
    )
    stages = [[program("deaf", parent + FOREVER, file_exists(child))], [program("polite", FOREVER)]]
    supervisor = supervise(stages, patience=1.0)
    await supervisor.start()
    pids = [*supervisor.pids().values(), int(child.read_text())]
    assert len(pids) == 3
    async with asyncio.timeout(4):
        await supervisor.stop()
    assert [pid for pid in pids if not is_gone(pid)] == []


async def test_control_c_in_the_terminal_does_not_reach_the_programs(supervise: Callable[..., Supervisor]) -> None:
    supervisor = supervise([[program("risk", FOREVER)]])
    await supervisor.start()
    pid = supervisor.pids()["risk"]
    assert os.getpgid(pid) == os.getsid(pid) == pid


async def test_a_killed_launcher_leaves_no_program(
    tmp_path: Path,
    launcher: Callable[[str], subprocess.Popen[str]],
    is_gone: Callable[[int], bool],
    until: Until,
) -> None:
    process = launcher(
        "import asyncio, sys; from pathlib import Path; from rich.console import Console\n"
        "from guanxi.local.processes import Program, Supervisor\n"
        "async def main():\n"
        f"    deaf = Program('deaf', [sys.executable, '-c', {DEAF + FOREVER!r}], {{}})\n"
        f"    supervisor = Supervisor([[deaf]], Console(stderr=True), Path({str(tmp_path)!r}))\n"
        "    await supervisor.start(); print(supervisor.pids()['deaf'], flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())"
    )
    assert process.stdout is not None
    pid = int(await asyncio.to_thread(process.stdout.readline))
    assert not is_gone(pid)
    process.kill()
    await until(lambda: is_gone(pid))


async def test_output_is_kept_as_it_is_and_shown_for_people(
    supervise: Callable[..., Supervisor], tmp_path: Path, screen: io.StringIO, until: Until
) -> None:
    record = '{"service": "risk", "event": "rated", "level": "info", "timestamp": "2026-01-02T03:04:05Z", "n": 3}'
    supervisor = supervise([[program("risk", f"print({record!r}); print('张' * 100000); print('end')\n" + FOREVER)]])
    await supervisor.start()
    await until(lambda: "risk │ end" in screen.getvalue())
    assert screen.getvalue().splitlines()[0] == "risk │ 03:04:05 rated n=3"
    assert (tmp_path / "logs" / "risk.log").read_text().splitlines() == [record, "张" * 100000, "end"]


def test_the_level_of_a_line_is_its_colour() -> None:
    error = readable('{"event": "refused", "level": "error", "where": "a.py:3"}')
    assert error.plain == "refused where=a.py:3"
    assert (error.spans[0].start, error.spans[0].end, error.spans[0].style) == (0, 7, "red")


@pytest.mark.parametrize("line", ["plain words", "{not json", '["a", "list"]', '{"no": "event"}', "[bold]not markup"])
def test_a_line_that_is_no_record_is_shown_as_it_is(line: str) -> None:
    assert readable(line).plain == line
