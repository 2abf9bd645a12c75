"""One of our own programs: started, listened to, started again when it ends by itself."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from guanxi.local.child import tied_to_parent
from guanxi.local.output import OutputPipe
from guanxi.local.stream import ProgramStream

_FIRST_DELAY, _LONGEST_DELAY = 0.2, 5.0
_STABLE_AFTER = 10.0


@dataclass(frozen=True)
class Program:
    """A command, its whole environment, and how to see that it is ready (None: once it was started)."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    ready: Callable[[], Awaitable[bool]] | None = None


class Keeper:
    """Keeps one program running until it is told to stop."""

    def __init__(self, program: Program, stream: ProgramStream) -> None:
        self.program = program
        self.stream = stream
        self._process: Process | None = None
        self._begun = False
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Process id while the program runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep(), name=f"keep {self.program.name}")

    async def is_ready(self) -> bool:
        """Whether the program runs and says that it is ready, within 2 s."""
        if self._task is not None and self._task.done():
            self._task.result()
        if self.program.ready is None:
            return self._begun
        if self.pid is None:
            return False
        try:
            async with asyncio.timeout(2):
                return await self.program.ready()
        except (OSError, TimeoutError):
            return False

    async def until_ready(self) -> None:
        ready = await self.is_ready()
        while not ready:
            await asyncio.sleep(0.05)
            ready = await self.is_ready()

    def ask_to_stop(self) -> None:
        self._stopping.set()
        if self._process is not None and self.pid is not None:
            self._process.terminate()

    def kill(self) -> None:
        """The program and whatever it started."""
        if self.pid is not None:
            _kill_session(self.pid)

    async def stopped(self) -> None:
        if self._task is not None:
            # Others may wait for the same end: giving up here must not end the task.
            await asyncio.shield(self._task)

    async def _keep(self) -> None:
        clock = asyncio.get_running_loop().time
        delay = _FIRST_DELAY
        while not self._stopping.is_set():
            began = clock()
            status = await self._run_once()
            if self._stopping.is_set():
                return
            delay = _FIRST_DELAY if clock() - began >= _STABLE_AFTER else delay
            self.stream.notice(f"{self.program.name} {_ending(status)}, starting it again in {delay:g} s")
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._stopping.wait()
            delay = min(2 * delay, _LONGEST_DELAY)

    async def _run_once(self) -> int:
        output = OutputPipe()
        try:
            process = await self._spawn(output.write_end)
        except OSError as refused:
            output.close_read_end()
            self.stream.notice(f"{self.program.name} cannot be started: {refused}")
            return os.EX_OSERR
        finally:
            output.close_write_end()
            self._begun = True
        self._process = process
        if self._stopping.is_set():
            process.terminate()
        reading = asyncio.create_task(output.read_lines(self.stream.line))
        status = await process.wait()
        _kill_session(process.pid)
        # What escaped from the session may still hold the pipe.
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await reading
        return status

    async def _spawn(self, output: int) -> Process:
        """In a session of its own, so that Ctrl-C reaches only the supervisor, which decides the order."""
        return await asyncio.create_subprocess_exec(
            *tied_to_parent(self.program.argv, signal.SIGKILL),
            stdin=DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(self.program.env),
            start_new_session=True,
        )


def _kill_session(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _ending(status: int) -> str:
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
