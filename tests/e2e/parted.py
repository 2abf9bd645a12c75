"""A stack whose customer service can be down alone, as an operator scales it to nothing."""

import asyncio
import os
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

from guanxi.local.postgres_settings import packaged_bindir
from guanxi.local.processes import Supervisor
from guanxi.local.program import Program
from guanxi.local.stack import Stack
from tests.runbook import block_of

ALONE = "customer"


class Parted(Stack):
    """One service is under a supervisor of its own."""

    alone: Supervisor | None = None

    def _programs(self, app: str) -> list[Program]:
        return [] if app == ALONE else super()._programs(app)

    async def start(self) -> None:
        await super().start()
        await self.begin()

    async def stop(self) -> None:
        await self.end()
        await super().stop()

    async def begin(self) -> None:
        self.alone = Supervisor([super()._programs(ALONE)], self.console, self.settings.home / "logs")
        await self.alone.start()

    async def end(self) -> None:
        if self.alone is not None:
            await self.alone.stop()


async def told_by_the_runbook(stack: Stack, program: str, folder: Path) -> None:
    """One of PostgreSQL's own programs, at the database of the customer service, as the runbook has it."""
    env = {
        "PATH": f"{packaged_bindir()}:{os.environ['PATH']}",
        "CUSTOMER_ADMIN_URL": f"{stack.postgres.admin_dsn.rpartition('/')[0]}/customer",
    }
    script = ["bash", "-euo", "pipefail", "-c", block_of("Restore", "tests/e2e/test_recovery.py", program)]
    process = await asyncio.create_subprocess_exec(*script, cwd=folder, env=env, stdout=PIPE, stderr=STDOUT)
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
