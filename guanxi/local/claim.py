"""One launcher at a time owns a server's folder."""

import asyncio
import fcntl
from pathlib import Path
from typing import IO

from guanxi.local.failures import folder_in_use

# A killed launcher holds its lock until the last of its threads has ended.
_PATIENCE = 1.0


class Claim:
    """A lock on a folder that ends with the process that holds it."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._file: IO[str] | None = None

    async def take(self) -> None:
        """Make the folder (0700) and lock it; LocalFailure when another launcher has it."""
        file = self._open()
        try:
            taken = await _locked_in_time(file)
        except BaseException:
            file.close()
            raise
        if not taken:
            file.close()
            raise folder_in_use(self._program, self._folder, "another launcher")
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> IO[str]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return (self._folder / "launcher.lock").open("w")


async def _locked_in_time(file: IO[str]) -> bool:
    clock = asyncio.get_running_loop().time
    deadline = clock() + _PATIENCE
    locked = _locked(file)
    while not locked and clock() < deadline:
        await asyncio.sleep(0.05)
        locked = _locked(file)
    return locked


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
