"""Processes left over in a data folder, after a server was killed without warning."""

import asyncio
from pathlib import Path

_PROC = Path("/proc")


def holders(data: Path) -> list[int]:
    """Living processes whose working directory is `data`. Empty where the system has no /proc."""
    return [int(entry.name) for entry in _PROC.glob("[0-9]*") if _works_in(entry, data)]


async def wait_for_release(data: Path, seconds: float) -> list[int]:
    """Wait until nothing works in `data`; what is still there after `seconds`."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    left = holders(data)
    while left and clock() < deadline:
        await asyncio.sleep(0.05)
        left = holders(data)
    return left


def knows_processes() -> bool:
    return (_PROC / "self" / "cwd").exists()


def _works_in(process: Path, data: Path) -> bool:
    try:
        # A zombie has no working directory any more, so it does not count.
        return (process / "cwd").readlink() == data
    except OSError:
        return False
