"""Wake the leader after a commit, on a connection of its own.

A NOTIFY inside the business transaction would take a global lock through the commit's fsync and cost a third of
the throughput; a pulse that is lost costs one poll of a second.
"""

import asyncio

import asyncpg

from libs.common.leader import WAKE_CHANNEL
from libs.common.transient import passing

AT_MOST_EVERY_SECONDS = 0.002


class Pulse:
    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._wanted = asyncio.Event()

    def __call__(self) -> None:
        self._wanted.set()

    async def run(self) -> None:
        while True:
            try:
                await self._beat()
            except Exception as error:
                if not passing(error):
                    raise
                await asyncio.sleep(1)

    async def _beat(self) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=5)
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                await connection.execute(f"NOTIFY {WAKE_CHANNEL}")
                await asyncio.sleep(AT_MOST_EVERY_SECONDS)
        finally:
            connection.terminate()
