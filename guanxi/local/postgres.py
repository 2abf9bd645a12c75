"""PostgreSQL from the packages alone.

    server = LocalPostgres(Path(".local/postgres"), port=5432)
    await server.start()                       # LocalFailure says what a person can mend
    await server.ensure_database("customer", owner_password, app_password)
    ...                                        # postgresql://customer_app:…@127.0.0.1:5432/customer
    await server.stop()

The data survives a stop, a `kill -9` of the server and a `kill -9` of the launcher.
"""

import asyncio
import secrets
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from guanxi.local.child import Child, run_to_end, start_child
from guanxi.local.failures import died_at_start, folder_in_use, wrong_setting
from guanxi.local.holders import forget_server, free_of_holders
from guanxi.local.ports import require_free_port
from guanxi.local.postgres_account import Account, choose_account
from guanxi.local.postgres_databases import make_database
from guanxi.local.postgres_settings import INITDB, LET_IN, SUPERUSER, environment, packaged_bindir, server_options
from guanxi.local.server import READY_WITHIN, LocalServer


class LocalPostgres(LocalServer):
    """One server (PostgreSQL 17 or newer), its data in `folder`, listening on `host`:`port`, passwords only.

    `outward`, it listens everywhere, and lets in from anywhere who has the password.
    `bindir` replaces the packaged programs, `account` the choice of the user that runs them;
    `port_setting` is what a person is told to change when the port is taken.
    """

    program = "PostgreSQL"
    # Fast, immediate, and by force.
    escalation = ((signal.SIGINT, 5), (signal.SIGQUIT, 2), (signal.SIGKILL, 2))

    def __init__(
        self,
        folder: Path,
        *,
        host: str = "127.0.0.1",
        port: int,
        outward: bool = False,
        bindir: Path | None = None,
        account: Account | None = None,
        port_setting: str = "GUANXI_POSTGRES_PORT",
        ready_within: float = READY_WITHIN,
    ) -> None:
        super().__init__(folder, ready_within)
        self._host = host
        self._port = port
        self._outward = outward
        self._bindir = bindir
        self._account = account
        self._port_setting = port_setting
        self._creating = asyncio.Lock()

    @property
    def admin_dsn(self) -> str:
        return self._dsn("postgres")

    def address_of(self, name: str, user: str, password: str) -> str:
        """Of a database, for one of its roles."""
        return f"postgresql://{user}:{password}@{self.place}/{name}"

    @property
    def place(self) -> str:
        """host:port."""
        return f"{self._host}:{self._port}"

    async def stop(self) -> None:
        """Fast shutdown, then harder; returns when the server and its sessions are gone."""
        was_started = self._child is not None
        await super().stop()
        if was_started:
            await free_of_holders(self._data)

    async def ensure_database(self, name: str, owner_password: str, app_password: str) -> None:
        """Make `name` with its roles `<name>_owner` and `<name>_app`; again and again is the same as once."""
        async with self._creating:
            await make_database(self._dsn, name, owner_password, app_password)

    @asynccontextmanager
    async def _connected(self, database: str) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self._dsn(database), timeout=5)
        try:
            yield connection
        finally:
            await connection.close()

    def _dsn(self, database: str) -> str:
        if not self._password_file.exists():
            raise wrong_setting(
                f"{self._password_file} is missing, so nobody can enter PostgreSQL: "
                f"put it back, or delete {self._data} to begin anew."
            )
        return f"postgresql://{SUPERUSER}:{self._password_file.read_text()}@{self.place}/{database}"

    @property
    def _home(self) -> Path:
        return (self._account.home if self._account else self._folder).resolve()

    @property
    def _password_file(self) -> Path:
        return self._home / "superuser.password"

    @property
    def _data(self) -> Path:
        return self._home / "data"

    async def _prepare(self) -> None:
        if self._account is None:
            self._account = await choose_account(self._folder, self._bindir or packaged_bindir())
        await self._require_no_holders()
        await require_free_port(self.program, self._host, self._port, self._port_setting)
        if not self._data.exists():
            await self._initialise(self._account)

    async def _require_no_holders(self) -> None:
        if left := await free_of_holders(self._data):
            raise folder_in_use(self.program, self._data, f"process {min(left)}")
        forget_server(self._data)

    async def _initialise(self, account: Account) -> None:
        self._write_password(account)
        # Only a complete data folder gets its name, so a start that was cut short is simply done again.
        unfinished = self._home / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        command = [str(account.bindir / "initdb"), f"--pgdata={unfinished}", f"--pwfile={self._password_file}"]
        status, output = await run_to_end([*command, *INITDB], env=environment(), prefix=account.prefix)
        if status != 0:
            self.log.write_text(output)
            raise died_at_start("PostgreSQL's initdb", self.log)
        if self._outward:
            with (unfinished / "pg_hba.conf").open("a") as rules:
                rules.write(LET_IN)
        unfinished.rename(self._data)

    def _write_password(self, account: Account) -> None:
        self._password_file.unlink(missing_ok=True)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(24))
        account.give(self._password_file)

    async def _launch(self) -> Child:
        account = self._account or Account(self._folder, packaged_bindir())
        options = server_options("*" if self._outward else self._host, self._port)
        return await start_child(
            [str(account.bindir / "postgres"), "-D", str(self._data), *options],
            log=self.log,
            on_parent_death=signal.SIGQUIT,
            env=environment(),
            prefix=account.prefix,
        )

    async def _answers(self) -> bool:
        """True once our own server answers: another one that took the port has other data."""
        try:
            async with self._connected("postgres") as connection:
                return bool(await connection.fetchval("show data_directory") == str(self._data))
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
