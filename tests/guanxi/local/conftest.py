import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]

Condition = Callable[[], bool | Awaitable[bool]]


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@pytest.fixture(scope="session")
def free_ports() -> Callable[[int], list[int]]:
    return _free_ports


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    return lambda: _free_ports(1)[0]


@pytest.fixture(scope="session")
def cache() -> Path:
    """Where the jars are kept, so that they are fetched once and not in every run."""
    home = os.environ.get("GUANXI_TEST_HOME")
    return (Path(home) if home else CHECKOUT / ".local") / "cache"


def _is_gone(pid: int) -> bool:
    """No such process, or one that only waits to be forgotten."""
    command = ["ps", "-o", "state=", "-p", str(pid)]
    state = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a number
    return state.stdout.strip() in {"", "Z"}


@pytest.fixture(scope="session")
def is_gone() -> Callable[[int], bool]:
    return _is_gone


@pytest.fixture(scope="session")
def until() -> Callable[[Condition, float], Awaitable[None]]:
    async def poll(condition: Condition, seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds):
            while True:
                answer = condition()
                if answer if isinstance(answer, bool) else await answer:
                    return
                await asyncio.sleep(0.02)

    return poll


@pytest.fixture
def launcher() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Runs a script in another process, which ends with a line on its output and then waits to be killed."""
    running: list[subprocess.Popen[str]] = []

    def launch(script: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", script]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT)  # noqa: S603 - our own
        running.append(process)
        return process

    yield launch
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
async def taken_port() -> AsyncIterator[int]:
    """A port at which some other program listens."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
