"""The whole system, started as `make run` starts it, in a folder of its own."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
from rich.console import Console

from guanxi.audit_trails import connected
from guanxi.local.issuer import LocalIssuer
from guanxi.local.settings import LocalSettings
from guanxi.local.stack import Stack
from tests.conftest import JARS
from tests.e2e.person import Person, SignIn
from tests.polling import PATIENCE
from tests.ports import free_port, free_ports_in_a_row

SettingsT = TypeVar("SettingsT", bound=LocalSettings)
StackT = TypeVar("StackT", bound=Stack)


def apart(kind: type[SettingsT], home: Path, **changed: object) -> SettingsT:
    """Settings of a stack beside others: a folder and ports of its own, the jars shared."""
    ports = {name: free_port() for name in ("postgres_port", "kafka_port", "kafka_controller_port")}
    told = {"home": home, "base_port": free_ports_in_a_row(60), "jar_cache": JARS, **ports, **changed}
    return kind.model_validate(told)


@contextmanager
def console_of(settings: LocalSettings) -> Iterator[Console]:
    """What a stack would say on a terminal goes to a file beside its logs."""
    with (settings.home / "console.log").open("w") as log:
        yield Console(file=log)


@asynccontextmanager
async def running(stack: StackT) -> AsyncIterator[StackT]:
    try:
        await stack.start()
        yield stack
    finally:
        await stack.stop()


@asynccontextmanager
async def started(home: Path, *, replicas: int = 0, **changed: object) -> AsyncIterator[Stack]:
    settings = apart(LocalSettings, home, **changed)
    with console_of(settings) as console:
        async with running(Stack(settings, console, replicas=replicas)) as stack:
            yield stack


def owner_of(stack: Stack, app: str) -> AbstractAsyncContextManager[Any]:
    """A connection to an app's database as its owner, who may read and write all of it."""
    return connected(stack.database_url(app, "owner"))


async def guanxi(settings: LocalSettings, *argv: str, **more: str) -> tuple[int | None, str]:
    """Exit status and output of the command line; `more` is for its environment."""
    env = {
        "PATH": os.environ["PATH"],
        "GUANXI_HOME": str(settings.home),
        "GUANXI_BASE_PORT": str(settings.base_port),
        "GUANXI_POSTGRES_PORT": str(settings.postgres_port),
        "GUANXI_KAFKA_PORT": str(settings.kafka_port),
        "COLUMNS": "300",
        **more,
    }
    command = [sys.executable, "-m", "guanxi.cli", *argv]
    process = await asyncio.create_subprocess_exec(*command, env=env, stdout=PIPE, stderr=STDOUT)
    output, _ = await process.communicate()
    return process.returncode, output.decode()


@asynccontextmanager
async def signing_in(stack: Stack) -> AsyncIterator[SignIn]:
    """Lets people sign in at a stack's gateway."""
    async with signing_in_at(stack.settings.gateway, stack.issuer) as sign_in:
        yield sign_in


@asynccontextmanager
async def signing_in_at(
    gateway: str, issuer: LocalIssuer, transport: Callable[[], httpx.AsyncBaseTransport] | None = None
) -> AsyncIterator[SignIn]:
    async with AsyncExitStack() as clients:

        def sign_in(subject: str, *roles: str) -> Person:
            headers = {"Authorization": f"Bearer {issuer.token(subject, list(roles))}"}
            way = transport() if transport else None
            client = httpx.AsyncClient(base_url=gateway, headers=headers, timeout=PATIENCE, transport=way)
            clients.push_async_callback(client.aclose)
            return Person(client)

        yield sign_in
