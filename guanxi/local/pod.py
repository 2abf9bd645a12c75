"""`python -m guanxi.local.pod postgres` (or `kafka`): a server of the local stack alone, in a pod.

For trying Guanxi on a cluster, from the packages that `make run` uses; a bank has servers of its own.
"""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from guanxi.local.failures import LocalFailure
from guanxi.local.kafka import LocalKafka
from guanxi.local.postgres import LocalPostgres
from guanxi.local.secrets import Secrets
from guanxi.local.settings import APPS

DATA, CACHE, PASSWORDS = Path("/data"), Path("/opt/cache"), Path("/run/secrets/servers")
POSTGRES_PORT, KAFKA_PORT, CONTROLLER_PORT = 5432, 9093, 9094
NAMES = ("postgres", "kafka")


async def serve(name: str) -> int:
    """Until the server ends, or somebody ends this; returns the exit status."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = await (_postgres() if name == "postgres" else _kafka())
    try:
        ended, told = asyncio.create_task(server.ended()), asyncio.create_task(stop.wait())
        await asyncio.wait([ended, told], return_when=asyncio.FIRST_COMPLETED)
        return 0 if stop.is_set() else 1
    finally:
        await server.stop()


async def _postgres() -> LocalPostgres:
    """With a database for each app, and the passwords of its two roles."""
    server, secrets = LocalPostgres(DATA, port=POSTGRES_PORT, outward=True), Secrets(PASSWORDS, APPS)
    await server.start()
    for app in APPS:
        await server.ensure_database(app, secrets.password(app, "owner"), secrets.password(app, "app"))
    return server


async def _kafka() -> LocalKafka:
    server = LocalKafka(DATA, port=KAFKA_PORT, controller_port=CONTROLLER_PORT, outward="kafka", cache=CACHE)
    await server.start()
    return server


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("server", choices=NAMES)
    try:
        sys.exit(asyncio.run(serve(arguments.parse_args().server)))
    except LocalFailure as failure:
        sys.stderr.write(f"{failure}\n")
        sys.exit(failure.exit_status)
