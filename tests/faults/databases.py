"""The databases seen from outside the services, with a superuser's connection that is made again when it is lost."""

import asyncio
from collections import defaultdict
from typing import Any

import asyncpg

from guanxi.local.postgres import LocalPostgres

AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
PATIENCE = 30.0


class Databases:
    """Reads only. A read waits for a server that is away."""

    def __init__(self, server: LocalPostgres) -> None:
        self._server = server
        self._connections: dict[str, asyncpg.Connection] = {}
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def rows(self, database: str, query: str, *arguments: Any) -> list[Any]:
        async with asyncio.timeout(PATIENCE), self._turns[database]:
            while True:
                try:
                    connection = await self._connection(database)
                    return list(await connection.fetch(query, *arguments))
                except AWAY:
                    self._forget(database)
                    await asyncio.sleep(0.1)

    async def value(self, database: str, query: str, *arguments: Any) -> Any:
        return (await self.rows(database, query, *arguments))[0][0]

    async def close(self) -> None:
        for database in list(self._connections):
            self._forget(database)

    def _forget(self, database: str) -> None:
        if connection := self._connections.pop(database, None):
            connection.terminate()

    async def _connection(self, database: str) -> asyncpg.Connection:
        if database not in self._connections:
            address = self._server.admin_dsn.rpartition("/")[0]
            self._connections[database] = await asyncpg.connect(f"{address}/{database}", timeout=5)
        return self._connections[database]
