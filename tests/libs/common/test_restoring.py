"""A service's database from a base backup and the archive of its log: nothing that was acknowledged is lost.

The archive is a synchronous receiver of the log: what a client was told is in it, also of the segment that is not full.
"""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import select

from guanxi.local.postgres import LocalPostgres
from guanxi.local.postgres_settings import packaged_bindir
from libs.common.kafka import headers_of
from libs.common.transient import passing
from libs.common.worker import run_worker
from tests.conftest import Ground
from tests.libs.common.flow import of, read_all, running, touch, worker
from tests.libs.common.probe import EVENTS, Probe, things
from tests.libs.common.probe import probe as open_probe
from tests.polling import until
from tests.ports import free_port
from tests.runbook import block_of

WRITERS = 4
STANDBY = "SELECT sync_state FROM pg_stat_replication WHERE application_name = 'archive'"


@pytest.fixture
async def server(ground: Ground, tmp_path: Path) -> AsyncIterator[LocalPostgres]:
    """A PostgreSQL of the service's own."""
    server = LocalPostgres(tmp_path / "postgres", port=free_port())
    try:
        await server.start()
        secrets = ground.secrets
        await server.ensure_database("probe", secrets.password("probe", "owner"), secrets.password("probe", "app"))
        yield server
    finally:
        await server.stop()


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """Where the base comes, and the archive."""
    (tmp_path / "backup" / "archive").mkdir(parents=True)
    return tmp_path / "backup"


def port_of(server: LocalPostgres) -> int:
    return int(server.admin_dsn.rpartition(":")[2].partition("/")[0])


async def told_by_the_runbook(heading: str, folder: Path, server: LocalPostgres) -> int:
    """Do what stands under a heading; returns the group of the processes that it began, some of which may run on."""
    env = {
        "PATH": f"{packaged_bindir()}:{os.environ['PATH']}",
        "CUSTOMER_ADMIN_URL": server.admin_dsn,
        "PGDATA": str(server._data),
    }
    script = ["bash", "-euo", "pipefail", "-c", block_of(heading, "tests/libs/common/test_restoring.py")]
    process = await asyncio.create_subprocess_exec(
        *script, cwd=folder, env=env, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True
    )
    assert await process.wait() == 0, heading
    return process.pid


@asynccontextmanager
async def backed_up(server: LocalPostgres, folder: Path) -> AsyncIterator[None]:
    """A base is there, and every commit waits until the archive has it."""
    group = await told_by_the_runbook("Back up", folder, server)
    connection = await asyncpg.connect(server.admin_dsn)
    try:

        async def follows() -> bool:
            return bool(await connection.fetchval(STANDBY) == "sync")

        await until(follows)
        yield
    finally:
        connection.terminate()
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGTERM)


async def write_until_it_dies(probe: Probe, acknowledged: list[UUID]) -> None:
    while True:
        try:
            acknowledged.append(await touch(probe))
        except Exception as error:
            if not passing(error):
                raise
            return


async def put_back(server: LocalPostgres, backup: Path) -> None:
    await told_by_the_runbook("Restore", backup, server)
    if server._account is not None:
        for path in (server._data, *server._data.rglob("*")):
            server._account.give(path)


async def test_base_and_log_bring_back_all_that_was_acknowledged(
    ground: Ground, server: LocalPostgres, backup: Path
) -> None:
    here = replace(ground, postgres=server, postgres_port=port_of(server))
    acknowledged: list[UUID] = []
    async with open_probe(here) as probe, backed_up(server, backup):
        acknowledged.append(await touch(probe))
        async with running(run_worker(worker(probe))):
            writers = [asyncio.create_task(write_until_it_dies(probe, acknowledged)) for _ in range(WRITERS)]

            async def enough() -> bool:
                return len(acknowledged) > 300

            await until(enough)
            os.kill(server.process, signal.SIGKILL)
            await server.ended()
            await asyncio.gather(*writers)
    await server.stop()
    await put_back(server, backup)
    await server.start()
    async with open_probe(here) as probe:
        async with probe.database.engine.connect() as connection:
            held = set((await connection.execute(select(things.c.id))).scalars())
        assert held.issuperset(acknowledged)
        assert len(held) <= len(acknowledged) + WRITERS, "and what was under way as it died"
        async with running(run_worker(worker(probe))):
            records = await read_all(probe, EVENTS, lambda rs: all(of(rs, thing_id) for thing_id in held))
            last = await touch(probe)
            await read_all(probe, EVENTS, lambda rs: bool(of(rs, last)))
    for thing_id in held:
        assert len({headers_of(record)["ce_id"] for record in of(records, thing_id)}) == 1
