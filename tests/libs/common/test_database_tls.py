"""PostgreSQL over TLS. The wheel of the local stack has none: this takes a server of the machine, where there is one."""

import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from secrets import token_urlsafe

import asyncpg
import pytest

from guanxi.local.child import run_to_end, start_child
from guanxi.local.postgres_account import choose_account
from libs.common.database import Database, new_engine
from tests.certificates import Certificates
from tests.polling import until
from tests.ports import free_port

FOUND = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
pytestmark = pytest.mark.skipif(not FOUND, reason="no PostgreSQL with TLS here; on Debian: apt install postgresql")
TLS = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.fixture(scope="module")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, Certificates]]:
    """Where a server listens that takes nobody without TLS, and who signed its certificate."""
    folder = tmp_path_factory.mktemp("postgres")
    certificates, port, word = Certificates.make(folder / "certificates"), free_port(), token_urlsafe(16)
    account = await choose_account(folder, FOUND[-1].parent)
    data, told = folder / "data", folder / "word"
    told.write_text(word)
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    options = ["-D", str(data), "-A", "scram-sha-256", "-U", "bank", "--pwfile", str(told), "--no-sync"]
    status, output = await run_to_end([*account.prefix, str(account.bindir / "initdb"), *options], env=env)
    assert status == 0, output
    for place in (certificates.certificate, certificates.key):
        shutil.copy(place, data / place.name)
    (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
    (data / "postgresql.auto.conf").write_text(
        f"port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nssl = on\n"
        f"ssl_cert_file = '{certificates.certificate.name}'\nssl_key_file = '{certificates.key.name}'\n"
    )
    argv = [str(account.bindir / "postgres"), "-D", str(data)]
    server = await start_child(argv, log=folder / "log", on_parent_death=signal.SIGQUIT, env=env, prefix=account.prefix)
    dsn = f"postgresql://bank:{word}@127.0.0.1:{port}/postgres"

    async def answers() -> bool:
        with suppress(OSError, asyncpg.PostgresError):
            await (await asyncpg.connect(_strict(dsn, certificates))).close()
            return True
        return False

    try:
        await until(answers)
        yield dsn, certificates
    finally:
        await server.stop([(signal.SIGINT, 5), (signal.SIGKILL, 2)])


def _strict(dsn: str, certificates: Certificates) -> str:
    return f"{dsn}?sslmode=verify-full&sslrootcert={certificates.authorities}"


async def test_every_way_to_the_database_is_over_tls(address: tuple[str, Certificates]) -> None:
    dsn = _strict(*address)
    database = Database(dsn)
    (pooled,) = await database.fetch(TLS)
    async with database.engine.connect() as session:
        of_the_engine = (await session.exec_driver_sql(TLS)).scalar_one()
    alone = await asyncpg.connect(dsn)
    assert (pooled["ssl"], of_the_engine, await alone.fetchval(TLS)) == (True, True, True)
    await alone.close()
    await database.close()


async def test_another_authority_is_not_believed(address: tuple[str, Certificates], tmp_path: Path) -> None:
    engine = new_engine(_strict(address[0], Certificates.make(tmp_path)))
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        async with engine.connect():
            pass
    await engine.dispose()


async def test_without_tls_nobody_is_let_in(address: tuple[str, Certificates]) -> None:
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asyncpg.connect(f"{address[0]}?sslmode=disable")
