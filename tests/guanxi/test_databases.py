"""A bank's own server: what the runbook makes there before the first time is what an app needs, and no more."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from guanxi.databases import FILES
from guanxi.local.postgres import LocalPostgres
from libs.common.keyring import KeyRing
from tests.conftest import ROOT
from tests.ports import free_port
from tests.runbook import block_of

TEST = "tests/guanxi/test_databases.py"
LETTERS = """
    SELECT pg_encoding_to_char(encoding), datlocprovider::text, datlocale FROM pg_database
    WHERE datname = current_database()
"""
SETTINGS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "transaction_timeout")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LocalPostgres]:
    server = LocalPostgres(tmp_path / "postgres", port=free_port())
    await server.start()
    yield server
    await server.stop()


async def run(server: LocalPostgres, folder: Path, *argv: str, **env: str) -> tuple[int | None, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    given = {"PATH": path, "CUSTOMER_ADMIN_URL": server.admin_dsn, "PYTHONPATH": str(ROOT), **env}
    process = await asyncio.create_subprocess_exec(*argv, cwd=folder, env=given, stdout=PIPE, stderr=STDOUT)
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_an_app_finds_what_it_needs_and_nobody_else_does(server: LocalPostgres, tmp_path: Path) -> None:
    commands = block_of("Before the first time", TEST)
    status, said = await run(server, tmp_path, "bash", "-euo", "pipefail", "-c", commands)
    assert status == 0, said
    for ring in ("customer.json", "shared.json"):
        assert KeyRing.load(tmp_path / ring).versions == (1,)
    folder = tmp_path / ".local" / "databases" / "customer"
    owner, app = [(folder / file).read_text() for file in (FILES["owner"], FILES["app"])]
    assert {oct(place.stat().st_mode & 0o777) for place in folder.iterdir()} == {"0o600"}
    migrate = [sys.executable, "-m", "libs.common.migrations", "services.customer"]
    status, said = await run(server, tmp_path, *migrate, GUANXI_OWNER_DATABASE_URL=owner)
    assert status == 0, said
    connection = await asyncpg.connect(app)
    try:
        assert await connection.fetchval("SELECT count(*) FROM customers") == 0
        assert [await connection.fetchval(f"SHOW {name}") for name in SETTINGS] == ["10s", "2s", "3s", "15s"]
        assert [*await connection.fetchrow(LETTERS)] == ["UTF8", "b", "C.UTF-8"]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE own (x int)")
    finally:
        await connection.close()
    await refuses_the_stranger(server, app)


async def refuses_the_stranger(server: LocalPostgres, app: str) -> None:
    admin = await asyncpg.connect(server.admin_dsn)
    await admin.execute("CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
    await admin.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(app, user="stranger", password="stranger")


async def test_what_was_written_is_not_written_over(server: LocalPostgres, tmp_path: Path) -> None:
    database = "guanxi", "database", "customer", "--server", server.admin_dsn, "--folder", "databases"
    ring = "guanxi", "keys", "new", "shared.json"
    written = [tmp_path / "databases" / "customer" / FILES["app"], tmp_path / "shared.json"]
    assert (await run(server, tmp_path, *database))[0] == (await run(server, tmp_path, *ring))[0] == 0
    before = [place.read_bytes() for place in written]
    for command, ends, says in ((database, os.EX_CANTCREAT, "Written before"), (ring, os.EX_CONFIG, "be created")):
        status, said = await run(server, tmp_path, *command)
        assert status == ends, said
        assert says in said
    assert [place.read_bytes() for place in written] == before
