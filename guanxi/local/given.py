"""Servers that are there already, in the place of those of the local stack: BROKER=host:port, POSTGRES=postgresql://….

They are used as they are, and neither started nor stopped. Nothing falls back to others.
"""

import asyncio
import os
from typing import NoReturn
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from guanxi.local.failures import LocalFailure, wrong_setting
from guanxi.local.kafka_answer import cluster_that_answers
from guanxi.local.ports import parts_of
from guanxi.local.postgres_databases import make_database

PATIENCE = 10.0


class GivenServer:
    program = "The server"

    @property
    def process(self) -> NoReturn:
        """It runs wherever it runs."""
        raise RuntimeError(f"{self.program} is not ours")

    async def ended(self) -> NoReturn:
        raise RuntimeError(f"{self.program} is not ours")

    async def stop(self) -> None:
        """It is not ours to stop."""


class GivenKafka(GivenServer):
    program = "Kafka"

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    async def start(self, _progress: object = None) -> None:
        """Raises LocalFailure where no Kafka answers."""
        try:
            host, port = parts_of(self.bootstrap)
        except ValueError:
            raise wrong_setting(f"BROKER={self.bootstrap} is no address: write it as host:port.") from None
        if await cluster_that_answers(host, port) is None:
            sentence = f"No Kafka answers at BROKER={self.bootstrap}: name one that does, or unset it."
            raise LocalFailure(sentence, os.EX_UNAVAILABLE)


class GivenPostgres(GivenServer):
    """`admin_dsn` is of somebody who may make roles and databases; `named` is what a person gave it by."""

    program = "PostgreSQL"

    def __init__(self, admin_dsn: str, named: str = "POSTGRES") -> None:
        self.admin_dsn, self._named = admin_dsn, named
        self._creating = asyncio.Lock()

    async def start(self) -> None:
        """Raises LocalFailure where no PostgreSQL answers, or lets nobody in."""
        if urlsplit(self.admin_dsn).scheme not in ("postgres", "postgresql"):
            sentence = f"{self._named} is no address: write it as postgresql://user:password@host:port/postgres."
            raise wrong_setting(sentence)
        try:
            connection = await asyncpg.connect(self.admin_dsn, timeout=PATIENCE)
            await connection.close()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            sentence = f"No PostgreSQL lets us in at {self.place} ({type(error).__name__}): mend {self._named}."
            raise LocalFailure(sentence, os.EX_UNAVAILABLE) from None

    async def ensure_database(self, name: str, owner_password: str, app_password: str) -> None:
        """Make `name` with its roles `<name>_owner` and `<name>_app`; again and again is the same as once."""
        async with self._creating:
            await make_database(self._address, name, owner_password, app_password)

    def address_of(self, name: str, user: str, password: str) -> str:
        """Of a database, for one of its roles."""
        return urlunsplit(urlsplit(self._address(name))._replace(netloc=f"{user}:{password}@{self.place}"))

    def _address(self, database: str) -> str:
        return urlunsplit(urlsplit(self.admin_dsn)._replace(path=f"/{database}"))

    @property
    def place(self) -> str:
        """host:port."""
        parts = urlsplit(self.admin_dsn)
        return f"{parts.hostname}:{parts.port or 5432}"
