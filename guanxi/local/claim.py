"""One launcher at a time owns a server's folder."""

import fcntl
from pathlib import Path
from typing import IO

from guanxi.local.failures import folder_in_use


class Claim:
    """A lock on a folder that ends with the process that holds it."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Make the folder (0700) and lock it; LocalFailure when another launcher has it."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (self._folder / "launcher.lock").open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            file.close()
            raise folder_in_use(self._program, self._folder, "another launcher") from held
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
