"""Kafka's jars: fetched once by their locked coordinates, checked against their hashes at every start."""

import asyncio
import hashlib
import itertools
import logging
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guanxi.local.failures import LocalFailure, cannot_fetch

LOCK = Path(__file__).with_name("jars.lock")
COORDINATES = (
    "org.apache.kafka:kafka_2.13:4.3.1",
    "org.apache.kafka:kafka-tools:4.3.1",
    "org.slf4j:slf4j-simple:1.7.36",
)
# Fewer than the loop's own threads (cores + 4), which others need too.
_AT_ONCE = 4
_TRIES = 3

Progress = Callable[[str], None]


@dataclass(frozen=True)
class LockedJar:
    """A jar as jars.lock has it."""

    group: str
    name: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        return f"{self.name}-{self.version}.jar"


def read_lock(lock: Path = LOCK) -> list[LockedJar]:
    found = tomllib.loads(lock.read_text())["dependencies"]
    return [LockedJar(jar["groupId"], jar["artifactId"], jar["version"], jar["sha256"]) for jar in found]


def write_lock(lock: Path, cache: Path) -> None:
    """Resolve COORDINATES anew and write the lock, when a version changes. Takes about half a minute."""
    from jgo.env import LockFile  # noqa: PLC0415 - only a new lock needs it

    context = _context(cache, None)
    inputs, further = context.resolver.resolve([context.create_dependency(each) for each in COORDINATES])
    needed = [jar for jar in further if jar.scope in {"compile", "runtime"}]
    LockFile.from_resolved_dependencies([*inputs, *needed]).save(lock)


async def class_path(cache: Path, repository: str | None, progress: Progress) -> list[Path]:
    """Every locked jar in `cache`, verified; those that are missing are fetched first.

    `repository` is the address of a mirror; None asks the resolver's own default.
    """
    jars = read_lock()
    missing = [jar for jar in jars if not (cache / jar.file).exists()]
    if missing:
        await _fetch_all(missing, cache, repository, progress)
    for jar in jars:
        _verify(jar, cache / jar.file)
    return [cache / jar.file for jar in jars]


def _verify(jar: LockedJar, path: Path) -> None:
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != jar.sha256:
            raise cannot_fetch(f"{path} differs from its hash in jars.lock: delete it and start again.")


async def _fetch_all(missing: list[LockedJar], cache: Path, repository: str | None, progress: Progress) -> None:
    incoming = _incoming(cache)
    context = _context(incoming, repository)
    slots = asyncio.Semaphore(_AT_ONCE)
    done = itertools.count(1)
    failed: list[Exception] = []

    async def fetch(jar: LockedJar) -> None:
        async with slots:
            if failed:
                return
            try:
                await asyncio.to_thread(_fetch, context, jar, cache)
                progress(f"Fetching Kafka, only this once: {next(done)} of {len(missing)} files")
            except (OSError, RuntimeError, LocalFailure) as error:
                failed.append(error)

    # A thread cannot be cancelled: those at work end before their folder is removed.
    await asyncio.gather(*map(fetch, missing))
    shutil.rmtree(incoming, ignore_errors=True)
    if failed:
        raise _in_a_sentence(failed[0], repository) from failed[0]


def _incoming(cache: Path) -> Path:
    """A folder for one fetch; those of fetches that were killed long ago go."""
    cache.mkdir(parents=True, exist_ok=True)
    for left in cache.glob("incoming-*"):
        if left.stat().st_mtime < time.time() - 3600:
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix="incoming-", dir=cache))


def _fetch(context: Any, jar: LockedJar, cache: Path) -> None:
    """Into a folder of its own first: a file has its name in the cache only once it is whole and verified."""
    artifact = context.project(jar.group, jar.name).at_version(jar.version).artifact()
    path = _download(artifact)
    _verify(jar, path)
    path.replace(cache / jar.file)


def _download(artifact: Any) -> Path:
    for _ in range(_TRIES - 1):
        try:
            return Path(artifact.resolve())
        except OSError:
            artifact.cached_path.unlink(missing_ok=True)
    return Path(artifact.resolve())


def _context(folder: Path, repository: str | None) -> Any:
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415 - only a first start needs it

    logging.getLogger("jgo").setLevel(logging.ERROR)
    remotes = {"mirror": repository.rstrip("/")} if repository else None
    return MavenContext(resolver=PythonResolver(), repo_cache=folder, remote_repos=remotes, timeout=10)


def _in_a_sentence(error: Exception, repository: str | None) -> LocalFailure:
    """The resolver says OSError for a connection and RuntimeError for an answer that is not the file."""
    if isinstance(error, LocalFailure):
        return error
    return cannot_fetch(
        f"Kafka's jars could not be fetched from {repository or 'the Maven repository'} "
        f"({type(error).__name__}): connect this machine to it for the first start, "
        "or set GUANXI_MAVEN_REPOSITORY to a mirror that it reaches."
    )


if __name__ == "__main__":
    asyncio.run(class_path(Path(sys.argv[1]), None, print))
