"""A service's database from a base backup and the archive of its log: nothing that was acknowledged is lost.

The archive is a synchronous receiver of the log: what a client was told is in it, also of the segment that is not full.
"""

import asyncio
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    return folder


def port_of(server: LocalPostgres) -> int:
    return int(server.admin_dsn.rpartition(":")[2].partition("/")[0])


async def tool(program: str, *argv: str) -> None:
    process = await asyncio.create_subprocess_exec(packaged_bindir() / program, *argv, stderr=DEVNULL)
    assert await process.wait() == 0, program


@asynccontextmanager
async def archiving(server: LocalPostgres, folder: Path) -> AsyncIterator[None]:
    """Every commit waits until `folder` has it."""
    address = f"--dbname={server.admin_dsn}?application_name=archive"
    options = (address, f"--directory={folder}", "--slot=archive")
    await tool("pg_receivewal", *options, "--create-slot")
    receiver: Process = await asyncio.create_subprocess_exec(
        packaged_bindir() / "pg_receivewal", *options, "--synchronous", "--no-loop", stderr=DEVNULL
    )
    connection = await asyncpg.connect(server.admin_dsn)
    try:
        await connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'archive'")
        await connection.execute("SELECT pg_reload_conf()")

        async def follows() -> bool:
            return bool(await connection.fetchval(STANDBY) == "sync")

        await until(follows)
        yield
    finally:
        connection.terminate()
        if receiver.returncode is None:
            receiver.terminate()
        await receiver.wait()


async def write_until_it_dies(probe: Probe, acknowledged: list[UUID]) -> None:
    while True:
        try:
            acknowledged.append(await touch(probe))
        except Exception as error:
            if not passing(error):
                raise
            return


def put_back(server: LocalPostgres, base: Path, archive: Path) -> None:
    """As docs/runbook.md says: the base, told where the rest of the log is; the last segment counts as it is."""
    for partial in archive.glob("*.partial"):
        partial.rename(partial.with_suffix(""))
    shutil.rmtree(server._data)
    shutil.copytree(base, server._data)
    with (server._data / "postgresql.auto.conf").open("a") as settings:
        settings.write(f"restore_command = 'cp {archive}/%f %p'\nsynchronous_standby_names = ''\n")
    (server._data / "recovery.signal").touch()
    if server._account is not None:
        for path in (server._data, *server._data.rglob("*")):
            server._account.give(path)


async def test_base_and_log_bring_back_all_that_was_acknowledged(
    ground: Ground, server: LocalPostgres, tmp_path: Path, archive: Path
) -> None:
    here = replace(ground, postgres=server, postgres_port=port_of(server))
    base = tmp_path / "base"
    acknowledged: list[UUID] = []
    async with open_probe(here) as probe, archiving(server, archive):
        acknowledged.append(await touch(probe))
        await tool("pg_basebackup", f"--dbname={server.admin_dsn}", f"--pgdata={base}", "--checkpoint=fast")
        async with running(run_worker(worker(probe))):
            writers = [asyncio.create_task(write_until_it_dies(probe, acknowledged)) for _ in range(WRITERS)]

            async def enough() -> bool:
                return len(acknowledged) > 300

            await until(enough)
            os.kill(server.process, signal.SIGKILL)
            await server.ended()
            await asyncio.gather(*writers)
    await server.stop()
    put_back(server, base, archive)
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
