"""Migrations and tables say the same, in every app."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.storage.tables import METADATA
from libs.common.database import Database, SchemaBehind
from libs.common.migrations import configuration
from libs.common.revisions import migrations_of, newest
from libs.directory import tables as directory
from services.complaints.storage import tables as complaints
from services.customer.storage import tables as customer
from services.manager.storage import tables as manager
from services.marketing.storage import tables as marketing
from services.scoring.storage import tables as scoring
from tests.conftest import ROOT, Ground
from tests.ports import free_port

APPS: dict[str, tuple[str, Sequence[MetaData]]] = {
    "customer": ("services.customer", [customer.metadata, directory.metadata]),
    "manager": ("services.manager", [manager.metadata, directory.metadata]),
    "complaints": ("services.complaints", [complaints.metadata, directory.metadata]),
    "marketing": ("services.marketing", [marketing.metadata, directory.metadata]),
    "scoring": ("services.scoring", [scoring.metadata, directory.metadata]),
    "gateway": ("gateway", METADATA),
}


@pytest.mark.parametrize("app", APPS)
async def test_the_tables_are_as_the_migrations_leave_them(ground: Ground, app: str) -> None:
    package, metadata = APPS[app]
    await ground.migrate(app, package)
    engine = create_async_engine(ground.url(app, "owner").replace("postgresql://", "postgresql+asyncpg://"))

    def differences(connection: Connection) -> list[Any]:
        options = {"include_schemas": True, "include_name": _ours}
        context = MigrationContext.configure(connection, opts=options)
        found: list[Any] = compare_metadata(context, list(metadata))  # type: ignore[arg-type] # it takes several
        return found

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_two_that_migrate_at_once_wait_for_each_other(ground: Ground) -> None:
    secrets = ground.secrets
    passwords = secrets.password("scoring", "owner"), secrets.password("scoring", "app")
    await ground.postgres.ensure_database("twice", *passwords)
    url = ground.url("scoring", "owner").replace("scoring_owner", "twice_owner").removesuffix("scoring") + "twice"
    argv = [sys.executable, "-m", "libs.common.migrations", "services.scoring"]
    env = {"GUANXI_OWNER_DATABASE_URL": url, "PATH": os.environ["PATH"]}
    both = [await asyncio.create_subprocess_exec(*argv, env=env, cwd=ROOT) for _ in range(2)]
    assert [await process.wait() for process in both] == [0, 0]


@pytest.mark.parametrize("wrong", ["nobody answers", "a password of somebody else"])
async def test_who_is_not_let_in_is_told_where_and_why(ground: Ground, wrong: str) -> None:
    owners = urlsplit(ground.url("scoring", "owner"))
    nowhere, strange = f"127.0.0.1:{free_port()}", f"scoring_owner:strange@{owners.hostname}:{owners.port}"
    place = nowhere if wrong == "nobody answers" else strange
    argv = [sys.executable, "-m", "libs.common.migrations", "services.scoring"]
    env = {"GUANXI_OWNER_DATABASE_URL": owners._replace(netloc=place).geturl(), "PATH": os.environ["PATH"]}
    process = await asyncio.create_subprocess_exec(*argv, env=env, cwd=ROOT, stderr=PIPE)
    _, told = await process.communicate()
    assert process.returncode == os.EX_UNAVAILABLE
    (line,) = told.decode().splitlines()
    assert line.startswith(f"No PostgreSQL lets us in at {place.rpartition('@')[2]}/scoring (")
    assert "strange" not in line


@pytest.mark.parametrize("app", APPS)
async def test_an_app_is_ready_once_its_migrations_have_run(ground: Ground, app: str) -> None:
    package, _ = APPS[app]
    await ground.migrate(app, package)
    needs = newest(package)
    assert needs == ScriptDirectory.from_config(configuration(migrations_of(package), "")).get_current_head()
    database = Database(ground.url(app, "app"))
    for older in (needs, "0001"):  # the version before this one goes on over newer tables
        database.needs = older
        await database.answers()
    database.needs = f"{int(needs) + 1:04d}"
    with pytest.raises(SchemaBehind, match=f"at migration {needs}, and this version needs {database.needs}"):
        await database.answers()


def _ours(name: str | None, kind: str, _parents: Any) -> bool:
    return not (kind == "table" and name == "alembic_version")


ADDED_TO = {
    "customer": ["interactions"],
    "marketing": ["points_entries"],
    "gateway": ["edge.audit", "edge.audit_heads"],
}
"""What is added to and never changed, besides every app's own audit trail."""
COLUMNS = {"interactions": "facts"}


@pytest.mark.parametrize("app", APPS)
async def test_the_app_role_adds_to_a_ledger_and_takes_nothing_back(ground: Ground, app: str) -> None:
    await ground.migrate(app, APPS[app][0])
    kept = ["audit_entries", "audit_heads", *ADDED_TO.get(app, [])]
    engine = create_async_engine(ground.url(app, "app").replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.connect() as connection:
        for table in kept:
            await connection.exec_driver_sql(f"SELECT FROM {table}")
            column = COLUMNS.get(table, "sequence")
            changes = (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table}")  # noqa: S608 - of our own tables
            for statement in changes:
                with pytest.raises(Exception, match="permission denied"):
                    await connection.exec_driver_sql(statement)
                await connection.rollback()
    await engine.dispose()


async def test_the_app_role_changes_no_tables(ground: Ground) -> None:
    await ground.migrate("customer", "services.customer")
    engine = create_async_engine(ground.url("customer", "app").replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.connect() as connection:
        for statement in ("CREATE TABLE x (a int)", "DROP TABLE outbox", "ALTER TABLE outbox ADD a int"):
            with pytest.raises(Exception, match=r"permission denied|must be owner"):
                await connection.exec_driver_sql(statement)
            await connection.rollback()
    await engine.dispose()
