"""A service of ours as a process of its own: its HTTP side, or its worker; or an app, listening in this process."""

import asyncio
import json
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from libs.common.serve import configured
from libs.common.settings import Settings
from tests.conftest import ROOT, Ground
from tests.polling import until
from tests.ports import free_port, free_ports_in_a_row


async def start(
    ground: Ground, database: str, service: str, *, without: str, stdout: int = DEVNULL, **changed: str
) -> Process:
    """`without` is `worker` or `app`; its `database` may be another than the service's own."""
    env = {
        "PATH": os.environ["PATH"],
        "GUANXI_MODE": "development",
        "GUANXI_DATABASE_URL": ground.url(database, "app"),
        "GUANXI_KAFKA": ground.kafka.bootstrap,
        "GUANXI_ISSUERS": json.dumps(ground.issuer.setting()),
        "GUANXI_KEYRING": str(ground.secrets.keyring(database)),
        "GUANXI_SHARED_KEYRING": str(ground.secrets.keyring("shared")),
        **changed,
    }
    argv = [sys.executable, "-m", "libs.common.serve", f"services.{service}", f"--no-{without}"]
    return await asyncio.create_subprocess_exec(*argv, env=env, cwd=ROOT, stdout=stdout)


@asynccontextmanager
async def listening(app: ASGIApp, settings: Settings) -> AsyncIterator[int]:
    """The port where this app answers, under the bounds of every service."""
    config = configured(app, settings, free_port())
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())

    async def started() -> bool:
        return server.started

    try:
        await until(started)
        yield config.port
    finally:
        server.should_exit = server.force_exit = True
        await serving


@asynccontextmanager
async def served(ground: Ground, service: str, changed: Mapping[str, str]) -> AsyncIterator[int]:
    """Its public port; the internal and the management port are the next two."""
    await ground.migrate(service, f"services.{service}")
    first, ports = ports_in_a_row()
    process = await start(ground, service, service, without="worker", **ports, **changed)
    try:
        await until(partial(listens, first))
        yield first
    finally:
        process.terminate()
        await process.wait()


def ports_in_a_row() -> tuple[int, dict[str, str]]:
    """The first, and the settings of all."""
    first = free_ports_in_a_row(3)
    names = ("GUANXI_PUBLIC_PORT", "GUANXI_INTERNAL_PORT", "GUANXI_MANAGEMENT_PORT")
    return first, {name: str(first + place) for place, name in enumerate(names)}


async def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
