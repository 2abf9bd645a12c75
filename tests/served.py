"""A service of ours as a process of its own: its HTTP side, without its worker."""

import asyncio
import json
import os
import socket
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from tests.conftest import ROOT, Ground
from tests.polling import until
from tests.ports import free_ports_in_a_row


@asynccontextmanager
async def served(ground: Ground, service: str, changed: Mapping[str, str]) -> AsyncIterator[int]:
    """Its public port; the internal and the management port are the next two."""
    await ground.migrate(service, f"services.{service}")
    first = free_ports_in_a_row(3)
    env = {
        "PATH": os.environ["PATH"],
        "GUANXI_MODE": "development",
        "GUANXI_PUBLIC_PORT": str(first),
        "GUANXI_INTERNAL_PORT": str(first + 1),
        "GUANXI_MANAGEMENT_PORT": str(first + 2),
        "GUANXI_DATABASE_URL": ground.url(service, "app"),
        "GUANXI_ISSUERS": json.dumps(ground.issuer.setting()),
        "GUANXI_KEYRING": str(ground.secrets.keyring(service)),
        "GUANXI_SHARED_KEYRING": str(ground.secrets.keyring("shared")),
        **changed,
    }
    argv = [sys.executable, "-m", "libs.common.serve", f"services.{service}", "--no-worker"]
    process = await asyncio.create_subprocess_exec(*argv, env=env, cwd=ROOT, stdout=DEVNULL)

    async def listening() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", first)) == 0

    try:
        await until(listening)
        yield first
    finally:
        process.terminate()
        await process.wait()
