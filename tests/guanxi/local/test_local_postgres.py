import asyncio
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from guanxi.local.failures import LocalFailure
from guanxi.local.postgres import LocalPostgres
from guanxi.local.postgres_account import nobody
from guanxi.local.postgres_settings import packaged_bindir

FreePort = Callable[[], int]


def dsn(server: LocalPostgres, role: str, password: str, database: str = "customer") -> str:
    address = server.admin_dsn.rpartition("@")[2].partition("/")[0]
    return f"postgresql://{role}:{password}@{address}/{database}"


async def rows(url: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory, free_port: FreePort) -> AsyncIterator[LocalPostgres]:
    server = LocalPostgres(tmp_path_factory.mktemp("postgres"), port=free_port())
    await server.start()
    await server.ensure_database("customer", "owner-word", "app-word")
    yield server
    await server.stop()


@pytest.fixture
async def own(tmp_path: Path, free_port: FreePort) -> AsyncIterator[LocalPostgres]:
    """A server that the test may kill."""
    server = LocalPostgres(tmp_path / "postgres", port=free_port())
    await server.start()
    await run(server.admin_dsn, "create table kept (x int)", "insert into kept values (1)")
    yield server
    await server.stop()


async def test_the_app_uses_what_the_owner_creates(server: LocalPostgres) -> None:
    await run(
        dsn(server, "customer_owner", "owner-word"),
        "create table used (id int generated always as identity, seq serial, name text)",
        "create schema kept_apart",
        "create table kept_apart.used (x int)",
    )
    app = dsn(server, "customer_app", "app-word")
    await run(app, "insert into used (name) values ('张伟明')", "update used set name = name || '!'")
    await run(app, "insert into kept_apart.used values (1)", "delete from kept_apart.used")
    assert [row["name"] for row in await rows(app, "select name from used")] == ["张伟明!"]


@pytest.mark.parametrize("statement", ["create table t (x int)", "create temporary table t (x int)", "create schema s"])
async def test_the_app_defines_nothing(server: LocalPostgres, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(dsn(server, "customer_app", "app-word"), statement)


async def test_the_app_has_limits(server: LocalPostgres) -> None:
    query = "select name || '=' || setting || unit as line from pg_settings where source = 'user'"
    assert {row["line"] for row in await rows(dsn(server, "customer_app", "app-word"), query)} == {
        "statement_timeout=10000ms",
        "lock_timeout=2000ms",
        "idle_in_transaction_session_timeout=3000ms",
        "transaction_timeout=15000ms",
    }


async def test_a_wrong_password_and_no_password_are_refused(server: LocalPostgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await rows(dsn(server, "customer_app", "wrong"), "select 1")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await rows(dsn(server, "customer_app", ""), "select 1")


async def test_a_service_does_not_enter_the_database_of_another(server: LocalPostgres) -> None:
    await server.ensure_database("risk", "risk-owner-word", "risk-app-word")
    for role, word in (("risk_owner", "risk-owner-word"), ("risk_app", "risk-app-word")):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await rows(dsn(server, role, word), "select 1")


async def test_ensuring_a_database_again_changes_its_passwords_and_keeps_its_rows(server: LocalPostgres) -> None:
    await server.ensure_database("again", "first", "first")
    await run(dsn(server, "again_owner", "first", "again"), "create table t (x int)", "insert into t values (7)")
    await server.ensure_database("again", "second", "second")
    assert (await rows(dsn(server, "again_app", "second", "again"), "select x from t"))[0]["x"] == 7
    with pytest.raises(asyncpg.InvalidPasswordError):
        await rows(dsn(server, "again_app", "first", "again"), "select 1")


async def test_a_right_that_a_migration_took_away_is_not_given_back(server: LocalPostgres) -> None:
    await server.ensure_database("ledger", "word", "word")
    owner = dsn(server, "ledger_owner", "word", "ledger")
    await run(owner, "create table entries (x int)", "revoke update, delete on entries from ledger_app")
    await server.ensure_database("ledger", "word", "word")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(dsn(server, "ledger_app", "word", "ledger"), "delete from entries")


async def test_a_name_that_is_no_name_is_refused(server: LocalPostgres) -> None:
    with pytest.raises(LocalFailure, match="cannot name a database") as failure:
        await server.ensure_database("x; drop table y", "word", "word")
    assert failure.value.exit_status == os.EX_CONFIG


async def test_a_database_of_somebody_else_is_left_alone(server: LocalPostgres) -> None:
    await run(server.admin_dsn, "create role stranger", "create database theirs owner stranger")
    with pytest.raises(LocalFailure, match="theirs is there already, of stranger"):
        await server.ensure_database("theirs", "word", "word")
    assert await rows(server.admin_dsn, "select 1 from pg_roles where rolname like 'theirs%'") == []


async def test_chinese_names_have_trigrams(server: LocalPostgres) -> None:
    await run(dsn(server, "customer_owner", "owner-word"), "create extension if not exists pg_trgm")
    found = await rows(dsn(server, "customer_app", "app-word"), "select show_trgm('张伟明') as trigrams")
    assert len(found[0]["trigrams"]) == 4


async def test_data_is_durable_and_checked(server: LocalPostgres) -> None:
    query = (
        "select name || '=' || setting as line from pg_settings where name in "
        "('fsync', 'synchronous_commit', 'data_checksums', 'listen_addresses', 'unix_socket_directories')"
    )
    assert {row["line"] for row in await rows(server.admin_dsn, query)} == {
        "fsync=on",
        "synchronous_commit=on",
        "data_checksums=on",
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
    }


async def test_values_of_a_failed_statement_do_not_reach_the_log(server: LocalPostgres) -> None:
    owner = dsn(server, "customer_owner", "owner-word")
    await run(owner, "create table unique_names (name text primary key)", "insert into unique_names values ('张三丰')")
    with pytest.raises(asyncpg.UniqueViolationError):
        await run(owner, "insert into unique_names values ('张三丰')")
    log = server.log.read_text()
    assert "unique_names_pkey" in log
    assert "张三丰" not in log


async def test_the_superusers_password_is_for_its_user_only(server: LocalPostgres) -> None:
    file = server.log.with_name("superuser.password")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text() in server.admin_dsn


async def test_a_second_launcher_is_refused_the_folder(server: LocalPostgres, free_port: FreePort) -> None:
    with pytest.raises(LocalFailure, match="in use by another launcher"):
        await LocalPostgres(server.log.parent, port=free_port()).start()
    assert await rows(server.admin_dsn, "select 1")


async def test_a_taken_port_is_said_in_one_sentence(tmp_path: Path, taken_port: int) -> None:
    server = LocalPostgres(tmp_path, port=taken_port)
    with pytest.raises(LocalFailure) as failure:
        await server.start()
    assert str(failure.value) == (
        f"Port {taken_port} on 127.0.0.1 is already taken, so PostgreSQL cannot start: "
        "stop the program that holds it, or set GUANXI_POSTGRES_PORT to a free port."
    )
    assert failure.value.exit_status == os.EX_OSERR


async def test_a_stop_and_a_start_keep_the_data(own: LocalPostgres) -> None:
    await own.stop()
    await own.start()
    assert len(await rows(own.admin_dsn, "select * from kept")) == 1


async def test_a_killed_server_starts_again_with_its_data(own: LocalPostgres) -> None:
    os.kill(own.process, signal.SIGKILL)
    await own.ended()
    await own.start()
    assert len(await rows(own.admin_dsn, "select * from kept")) == 1


async def test_a_busy_session_of_a_killed_server_does_not_prevent_the_next_start(
    own: LocalPostgres, until: Callable[..., Awaitable[None]]
) -> None:
    working = asyncio.create_task(
        rows(own.admin_dsn, "select count(*) from generate_series(1, 30000) a, generate_series(1, 30000) b")
    )
    active = "select 1 from pg_stat_activity where state = 'active' and query like '%generate_series(1, 3%'"

    async def is_working() -> bool:
        return len(await rows(own.admin_dsn, active)) > 1

    await until(is_working)
    os.kill(own.process, signal.SIGKILL)
    await own.ended()
    await own.start()
    assert len(await rows(own.admin_dsn, "select * from kept")) == 1
    with pytest.raises((asyncpg.PostgresError, OSError)):
        await working


async def test_a_stale_file_that_names_a_living_process_does_not_prevent_the_start(
    own: LocalPostgres, launcher: Callable[[str], subprocess.Popen[str]]
) -> None:
    data = own.log.with_name("data")
    content = (data / "postmaster.pid").read_text().splitlines()
    await own.stop()
    living = launcher("import time; time.sleep(60)").pid
    (data / "postmaster.pid").write_text("\n".join([str(living), *content[1:]]))
    await own.start()
    assert len(await rows(own.admin_dsn, "select * from kept")) == 1


async def test_a_start_that_was_cut_short_is_done_again(tmp_path: Path, free_port: FreePort) -> None:
    (tmp_path / "data.unfinished").mkdir()
    (tmp_path / "data.unfinished" / "PG_VERSION").write_text("18")
    server = LocalPostgres(tmp_path, port=free_port())
    await server.start()
    await server.stop()


async def test_a_server_that_ends_at_its_start_is_said_with_its_log(own: LocalPostgres) -> None:
    await own.stop()
    with own.log.with_name("data").joinpath("postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = on\n")
    with pytest.raises(LocalFailure, match="ended during its start") as failure:
        await own.start()
    assert str(own.log) in str(failure.value)
    assert "configuration file" in str(failure.value)


async def test_a_server_that_is_not_ready_in_time_is_said_and_stopped(own: LocalPostgres, free_port: FreePort) -> None:
    await own.stop()
    late = LocalPostgres(own.log.parent, port=free_port(), ready_within=0.0)
    with pytest.raises(LocalFailure, match=r"PostgreSQL was not ready within 0 s, its last line is") as failure:
        await late.start()
    assert failure.value.exit_status == os.EX_UNAVAILABLE
    assert not late.alive
    assert not own.log.with_name("data").joinpath("postmaster.pid").exists()


async def test_a_killed_launcher_leaves_no_server(
    tmp_path: Path,
    free_port: FreePort,
    launcher: Callable[[str], subprocess.Popen[str]],
    is_gone: Callable[[int], bool],
    until: Callable[..., Awaitable[None]],
) -> None:
    port = free_port()
    process = launcher(
        "import asyncio; from pathlib import Path; from guanxi.local.postgres import LocalPostgres\n"
        "async def main():\n"
        f"    server = LocalPostgres(Path({str(tmp_path)!r}), port={port})\n"
        "    await server.start(); print(server.process, flush=True); await asyncio.Event().wait()\n"
        "asyncio.run(main())"
    )
    assert process.stdout is not None
    pid = int(await asyncio.to_thread(process.stdout.readline))
    assert not is_gone(pid)
    process.kill()
    await until(lambda: is_gone(pid))
    server = LocalPostgres(tmp_path, port=port)
    await server.start()
    await server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
async def test_root_may_run_the_server_as_nobody(tmp_path: Path, free_port: FreePort) -> None:
    with tempfile.TemporaryDirectory() as shared:
        account = nobody(tmp_path, packaged_bindir(), Path(shared))
        server = LocalPostgres(tmp_path, port=free_port(), account=account)
        await server.start()
        try:
            assert (account.home / "data").stat().st_uid == account.owner
            assert await rows(server.admin_dsn, "select 1")
        finally:
            await server.stop()
