"""`guanxi replay`: a service reads again what it has read, from a time on."""

import asyncio
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from confluent_kafka import Consumer, TopicPartition
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from guanxi.app_database import Address, database_of, known
from guanxi.cluster.connection import SECONDS, Cluster, ClusterAway
from guanxi.local.failures import LocalFailure
from guanxi.local.stack import SERVICES
from libs.common.kafka import group_of

POLL_SECONDS = 0.25
READ = "SELECT topic, partition, next FROM reader_positions WHERE reader = $1 ORDER BY topic, partition"
SET_BACK = """
    UPDATE reader_positions AS p SET next = told.next
    FROM unnest($2::text[], $3::int[], $4::bigint[]) AS told (topic, partition, next)
    WHERE p.reader = $1 AND p.topic = told.topic AND p.partition = told.partition AND p.next > told.next
"""
LEFT = """
    SELECT coalesce(sum(greatest(told.reached - p.next, 0)), 0)::bigint FROM reader_positions AS p
    JOIN unnest($2::text[], $3::int[], $4::bigint[]) AS told (topic, partition, reached)
      ON p.topic = told.topic AND p.partition = told.partition
    WHERE p.reader = $1
"""

Place = tuple[str, int, int]
"""Topic, partition, and the offset of the next record to be read."""


def replay(
    app: Annotated[str, typer.Option(help=f"One of {', '.join(SERVICES)}.")],
    since: Annotated[datetime, typer.Option(help="Records sent from this time on, in UTC.")],
    topic: Annotated[list[str] | None, typer.Option(help="May be repeated; all that it listens to.")] = None,
    database: Address = None,
    patience: Annotated[float, typer.Option(help="Seconds without any progress after which it gives up.")] = 30.0,
) -> None:
    """Let a service read again what it has read: for events whose handler is new, or was not there.

    What it has handled already is not handled again: its inbox remembers that for 30 days, and nothing older is read.
    The service goes on meanwhile; it reads on once it has come to where it was.
    """
    since = since.replace(tzinfo=UTC) if since.tzinfo is None else since
    from libs.common.housekeeping import INBOX  # noqa: PLC0415 - with SQLAlchemy, which no other command needs

    if since < datetime.now(UTC) - INBOX:
        raise typer.BadParameter(
            f"{app} remembers for {INBOX.days} days what it has handled: older events would be handled twice",
            param_hint="--since",
        )
    if known(app) not in SERVICES:
        raise typer.BadParameter(f"{app} listens to no events; apps that do: {', '.join(SERVICES)}", param_hint="--app")
    count = asyncio.run(_replay(app, topic, since, database, patience))
    typer.echo(f"records that {app} has read again: {count}")


async def _replay(app: str, asked: list[str] | None, since: datetime, database: str | None, patience: float) -> int:
    async with database_of(app, database) as connection:
        read = [tuple(row) for row in await connection.fetch(READ, group_of(app))]
        topics = sorted({topic for topic, _, _ in read})
        if unknown := sorted(set(asked or ()) - set(topics)):
            raise typer.BadParameter(f"{app} has not read {', '.join(unknown)}; it has read: {', '.join(topics)}")
        reached = [place for place in read if place[0] in (asked or topics)]
        back = [place for place in await _places(reached, since) if place[2] < _of(reached, place)]
        if not back:
            return 0
        await connection.execute(SET_BACK, group_of(app), *zip(*back, strict=True))
        total = sum(_of(reached, place) - place[2] for place in back)
        await _until_read(connection, app, [(t, n, _of(reached, (t, n, 0))) for t, n, _ in back], total, patience)
    return total


def _of(places: Sequence[Place], wanted: Place) -> int:
    return next(following for topic, number, following in places if (topic, number) == wanted[:2])


async def _places(reached: Sequence[Place], since: datetime) -> list[Place]:
    """Where in each partition the first record stands that was sent then, or later; none where there is none."""
    at = int(since.timestamp() * 1000)

    def ask(consumer: Consumer) -> list[TopicPartition]:
        wanted = [TopicPartition(topic, number, at) for topic, number, _ in reached]
        return list(consumer.offsets_for_times(wanted, timeout=SECONDS))

    try:
        found = await Cluster().consume(ask)
    except ClusterAway as away:
        raise LocalFailure(f"Kafka does not answer: {away}.", os.EX_UNAVAILABLE) from None
    return [(place.topic, place.partition, place.offset) for place in found if place.offset >= 0]


async def _until_read(connection: Any, app: str, reached: Sequence[Place], total: int, patience: float) -> None:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task, last, moved_at = progress.add_task("read again", total=total), total, time.monotonic()
        while left := await connection.fetchval(LEFT, group_of(app), *zip(*reached, strict=True)):
            progress.update(task, completed=total - left)
            if left < last:
                last, moved_at = left, time.monotonic()
            if time.monotonic() - moved_at > patience:
                sentence = f"{left} records are still to be read: see whether the worker of {app} runs. It goes on."
                raise LocalFailure(sentence, os.EX_TEMPFAIL)
            await asyncio.sleep(POLL_SECONDS)
        progress.update(task, completed=total)
