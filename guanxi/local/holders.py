"""Processes left over in PostgreSQL's data folder, after a server was killed without warning."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_NOTICE, _LIMIT = 3.0, 10.0


def holders(data: Path) -> set[int]:
    """Living PostgreSQL processes that work in `data`. Empty where the system has no /proc."""
    return {int(entry.name) for entry in _PROC.glob("[0-9]*") if _works_in(entry, data)}


async def free_of_holders(data: Path) -> set[int]:
    """Wait until a killed server's processes are gone; what is still there after 10 s.

    They notice by themselves when they are idle. A busy one is ended: its work can no longer be committed,
    and it keeps the shared memory. Processes whose server lives are left alone.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    left = holders(data)
    while left and clock() - began < _LIMIT:
        if clock() - began > _NOTICE and _server_of(data) not in left:
            _end(left)
        await asyncio.sleep(0.05)
        left = holders(data)
    return left


def forget_server(data: Path) -> None:
    """Remove the file that names the server, once nothing works in `data`.

    PostgreSQL would take any process that has the number now, even a zombie, for its server.
    """
    if (_PROC / "self" / "cwd").exists():
        (data / "postmaster.pid").unlink(missing_ok=True)


def _works_in(process: Path, data: Path) -> bool:
    try:
        # A zombie has no working directory any more, so it does not count.
        return (process / "cwd").readlink() == data and (process / "comm").read_text() == "postgres\n"
    except OSError:
        return False


def _server_of(data: Path) -> int | None:
    try:
        return int((data / "postmaster.pid").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _end(processes: set[int]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
