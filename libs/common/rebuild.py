"""Copies of one app made anew from their topics, while it serves: `python -m libs.common.rebuild gateway view`.

It runs with the app's own settings. What the copies hold that is as new and says the same stays untouched.
"""

import argparse
import asyncio
import importlib
import sys

from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import Progress

from libs.common.connections import DRIVER_ERRORS
from libs.common.copies import RebuildRuns, rebuild
from libs.common.kafka import new_consumer
from libs.common.logs import configure_logs
from libs.common.worker import Worker


async def run(worker: Worker, schema: str) -> int:
    """Returns how many records were read.

    Raises:
        RebuildRuns: of this copy, by somebody else.
    """
    copies = worker.copies[schema]
    consumer = new_consumer(worker.settings, *[copy.topic for copy in copies], group=None)
    try:
        await consumer.start()
        with Progress(console=Console(stderr=True)) as progress:
            reading = progress.add_task(schema, total=None)

            def tell(read: int, left: int) -> None:
                progress.update(reading, completed=read, total=read + left)

            return await rebuild(worker.settings.dsn, schema, copies, consumer, tell)
    finally:
        await consumer.stop()
        await worker.database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Make copies of one app anew from their topics, while it serves.")
    parser.add_argument("package", help="for example services.customer, or gateway")
    parser.add_argument("schema", help="view or directory")
    asked = parser.parse_args()
    settings = importlib.import_module(f"{asked.package}.settings").load()
    configure_logs(settings.service, settings.log_level)
    worker: Worker = importlib.import_module(f"{asked.package}.worker").worker(settings)
    if asked.schema not in worker.copies:
        parser.error(f"{settings.service} has no copies named {asked.schema}; it has: {', '.join(worker.copies)}")
    try:
        read = asyncio.run(run(worker, asked.schema))
    except RebuildRuns:
        sys.exit(f"Somebody else rebuilds {asked.schema} of {settings.service} now.")
    except (KafkaError, *DRIVER_ERRORS) as error:
        sys.exit(f"Kafka or PostgreSQL does not answer ({type(error).__name__}); what is there stays as it was.")
    sys.stdout.write(f"{asked.schema} of {settings.service} is rebuilt, from {read} records\n")


if __name__ == "__main__":
    main()
