"""One child process of the launcher: in its own session, and gone when the launcher is gone."""

import asyncio
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# How a stop goes on when the step before it was not enough: a signal, and the seconds to wait after it.
Escalation = Sequence[tuple[signal.Signals, float]]


def tied_to_parent(argv: Sequence[str], on_death: signal.Signals) -> list[str]:
    """The same command, which receives `on_death` when its parent dies, however that dies.

    Linux only (setpriv of util-linux); elsewhere the command as it is.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", on_death.name, "--", *argv] if setpriv else list(argv)


@dataclass(frozen=True)
class Child:
    """A running program whose output is appended to `log`."""

    process: asyncio.subprocess.Process
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    async def stop(self, escalation: Escalation) -> None:
        """Send each signal in turn until the process has ended; SIGKILL must be the last."""
        for number, seconds in escalation:
            if not self.alive:
                return
            self.process.send_signal(number)
            try:
                async with asyncio.timeout(seconds):
                    await self.process.wait()
            except TimeoutError:
                continue


async def start_child(
    argv: Sequence[str],
    *,
    log: Path,
    on_parent_death: signal.Signals,
    env: Mapping[str, str],
    prefix: Sequence[str] = (),
) -> Child:
    """Start `argv` in its own session, so that Ctrl-C in the terminal reaches only the launcher.

    `prefix` is a command that becomes another user and runs the rest; it comes first, since the kernel
    forgets the tie to the parent when a process changes its user.
    """
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *prefix,
            *tied_to_parent(argv, on_parent_death),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(env),
            start_new_session=True,
        )
    return Child(process, log)


async def run_to_end(argv: Sequence[str], *, env: Mapping[str, str], prefix: Sequence[str] = ()) -> tuple[int, str]:
    """Run a command to its end: exit status and everything that it wrote."""
    process = await asyncio.create_subprocess_exec(
        *prefix,
        *tied_to_parent(argv, signal.SIGKILL),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(env),
        start_new_session=True,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode(errors="replace")
