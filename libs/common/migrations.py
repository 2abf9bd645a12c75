"""Alembic, the same for every app: `upgrade` from code, one `env.py` of three lines, and the shared first migration."""

import argparse
import asyncio
import os
import sys
from contextlib import AsyncExitStack
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa
from alembic import command, context
from alembic.config import Config
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.pool import NullPool

from libs.common.database import new_engine
from libs.common.revisions import NotLetIn, migrations_of
from libs.common.settings import SECRETS_FOLDER


class MigrationSettings(BaseSettings):
    """The owner's database address: the only place that may change tables."""

    model_config = SettingsConfigDict(env_prefix="GUANXI_", secrets_dir=SECRETS_FOLDER)

    owner_database_url: SecretStr


def configuration(folder: Path, url: str) -> Config:
    """Alembic's settings for one app's `storage/migrations` folder and the owner's database address."""
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.attributes["url"] = url
    return config


def upgrade(folder: Path, url: str) -> None:
    """Raises NotLetIn."""
    command.upgrade(configuration(folder, url), "head")


def run(*metadata: sa.MetaData) -> None:
    """What each `env.py` calls."""
    asyncio.run(_run(context.config.attributes["url"], metadata))


async def _run(url: str, metadata: tuple[sa.MetaData, ...]) -> None:
    engine = new_engine(url, poolclass=NullPool)
    async with AsyncExitStack() as stack:
        try:
            connection = await stack.enter_async_context(engine.connect())
        except (OSError, sa.exc.DBAPIError) as error:
            raise NotLetIn(getattr(error, "orig", error)) from None
        await connection.run_sync(_migrate, metadata)
        await connection.commit()
    await engine.dispose()


def _migrate(connection: sa.Connection, metadata: tuple[sa.MetaData, ...]) -> None:
    context.configure(connection=connection, target_metadata=list(metadata), include_schemas=True)
    with context.begin_transaction():
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('guanxi migrations'))"))
        context.run_migrations()


def run_script(package: str, name: str) -> None:
    """Run a SQL file that stands beside a library's tables: chassis and directory are migrated alike everywhere."""
    from alembic import op  # noqa: PLC0415 - it exists only while a migration runs

    for statement in (files(package) / name).read_text().split(";\n"):
        if statement.strip():
            op.execute(sa.text(statement))


def main() -> None:
    """`python -m libs.common.migrations services.customer` brings one app's database up to date."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("package", help="for example services.customer, or gateway")
    package = parser.parse_args().package
    try:
        folder = migrations_of(package)
    except ModuleNotFoundError:
        parser.error(f"there is no app {package}: name one as services.customer, or gateway")
    url = MigrationSettings().owner_database_url.get_secret_value()
    try:
        upgrade(folder, url)
    except NotLetIn as refused:
        place = urlsplit(url)
        sys.stderr.write(
            f"No PostgreSQL lets us in at {place.hostname}:{place.port or 5432}{place.path} ({refused}):"
            " mend GUANXI_OWNER_DATABASE_URL, or repeat it once it answers.\n"
        )
        sys.exit(os.EX_UNAVAILABLE)


if __name__ == "__main__":
    main()
