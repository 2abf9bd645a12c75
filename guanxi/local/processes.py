"""Our own programs under one launcher: in stages, on one console, started again when they crash.

supervisor = Supervisor([[migrate_api, identity], [gateway]], Console(), Path(".local/logs"))
await supervisor.start()                   # LocalFailure names who was not ready
await supervisor.stop()                    # all of them are gone within 10 s
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from guanxi.local.failures import LocalFailure, not_ready
from guanxi.local.program import Keeper, Program
from guanxi.local.server import READY_WITHIN
from guanxi.local.stream import ProgramStream

__all__ = ["Program", "Supervisor"]

_COLOURS = ("cyan", "green", "magenta", "blue", "yellow", "bright_cyan", "bright_green", "bright_magenta")


class Supervisor:
    """Runs `stages` of programs: a stage starts when every program of the one before is ready.

    Each program's output is appended to `log_folder`/<name>.log; a stage has `ready_within` seconds,
    and all of them together have `patience` seconds to end.
    """

    def __init__(
        self,
        stages: Sequence[Sequence[Program]],
        console: Console,
        log_folder: Path,
        *,
        ready_within: float = READY_WITHIN,
        patience: float = 7.0,
    ) -> None:
        self._patience = patience
        self._ready_within = ready_within
        self._stages = _keepers(stages, console, log_folder)
        self._started: list[list[Keeper]] = []
        log_folder.mkdir(parents=True, exist_ok=True)

    def pids(self) -> dict[str, int]:
        """Process id of each program that runs at this moment."""
        keepers = [keeper for stage in self._started for keeper in stage]
        return {keeper.program.name: keeper.pid for keeper in keepers if keeper.pid is not None}

    async def start(self) -> None:
        """Start all stages; on a failure everything that was started is stopped again."""
        try:
            for stage in self._stages:
                self._started.append(stage)
                for keeper in stage:
                    keeper.start()
                await self._until_ready(stage)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """SIGTERM to the last stage first, each stage in parallel; SIGKILL to what is left after `patience`."""
        stages = list(reversed(self._started))
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._patience
        for number, stage in enumerate(stages, start=1):
            for keeper in stage:
                keeper.ask_to_stop()
            # A stage that lingers leaves the ones before it their share of the time.
            await _wait(stage, deadline - clock() - self._patience * (len(stages) - number) / len(stages))
        everyone = [keeper for stage in stages for keeper in stage]
        await _wait(everyone, deadline - clock())
        for keeper in everyone:
            keeper.kill()
        await asyncio.gather(*(keeper.stopped() for keeper in everyone))
        self._started = []

    async def _until_ready(self, stage: Sequence[Keeper]) -> None:
        waiting = {asyncio.create_task(keeper.until_ready()): keeper for keeper in stage}
        if not waiting:
            return
        try:
            done, late = await asyncio.wait(waiting, timeout=self._ready_within, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
            if late:
                raise self._not_ready([keeper for task, keeper in waiting.items() if task in late])
        finally:
            for task in waiting:
                task.cancel()

    def _not_ready(self, late: Sequence[Keeper]) -> LocalFailure:
        names = ", ".join(keeper.program.name for keeper in late)
        return not_ready(names, self._ready_within, late[0].stream.log)


async def _wait(keepers: Sequence[Keeper], seconds: float) -> None:
    tasks = [asyncio.ensure_future(keeper.stopped()) for keeper in keepers]
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=max(seconds, 0))
        for task in late:
            task.cancel()


def _keepers(stages: Sequence[Sequence[Program]], console: Console, log_folder: Path) -> list[list[Keeper]]:
    names = [program.name for stage in stages for program in stage]
    width = max(map(len, names), default=0)
    colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(names)}

    def keeper(program: Program) -> Keeper:
        log = log_folder / f"{program.name}.log"
        return Keeper(program, ProgramStream(program.name, colours[program.name], width, console, log))

    return [[keeper(program) for program in stage] for stage in stages]
