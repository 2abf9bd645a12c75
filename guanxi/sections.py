"""`guanxi sections`: what an app publishes of its truth on compacted topics, published again."""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from guanxi.app_database import Address, App, database_of, known
from guanxi.local.failures import LocalFailure
from guanxi.local.stack import SERVICES
from libs.common.marks import NOW_IN_MICROSECONDS

sections = typer.Typer(no_args_is_help=True, help="Sections and references of one app: `status`, and `republish`.")

AT_ONCE, POLL_SECONDS = 2000, 0.25
FIRST = UUID(int=0)
STREAMS = """
    SELECT stream, count(*) AS keys, count(*) FILTER (WHERE dirty) AS waiting,
           min(marked_at) FILTER (WHERE dirty) AS since
    FROM publication_marks GROUP BY stream ORDER BY stream
"""
KNOWN = "SELECT DISTINCT key FROM publication_marks WHERE stream = ANY($1) AND key = ANY($2)"
# In one order for everybody, as whoever changes something marks it: two never wait for each other in a circle.
REPUBLISH = f"""
    WITH asked AS (
        SELECT key FROM publication_marks
        WHERE stream = $1 AND key > $2 AND ($3::uuid[] IS NULL OR key = ANY($3)) ORDER BY key LIMIT $4 FOR UPDATE)
    UPDATE publication_marks AS m
    SET dirty = true, version = greatest(m.version + 1, {NOW_IN_MICROSECONDS}), marked_at = clock_timestamp()
    FROM asked WHERE m.stream = $1 AND m.key = asked.key RETURNING m.key, m.marked_at
"""  # noqa: S608 - the only thing put in is a constant
# Those that were marked here: what changes meanwhile is marked anew, and no matter of ours.
WAITING = """
    SELECT count(*) FROM publication_marks WHERE stream = $1 AND dirty AND marked_at <= $2 AND key = ANY($3)
"""

Streams = Annotated[list[str] | None, typer.Option("--stream", help="A topic, may be repeated; all of the app's.")]
Keys = Annotated[list[UUID] | None, typer.Option("--key", help="Such as a customer's id, may be repeated; all.")]
Patience = Annotated[float, typer.Option(help="Seconds without any progress after which it gives up.")]


@dataclass(frozen=True)
class Batch:
    stream: str
    keys: Sequence[UUID]
    marked_at: datetime


@sections.command()
def status(app: App = "customer", database: Address = None) -> None:
    """How many keys each stream has, and how many wait to be published."""
    table = Table("stream", "keys", "waiting", "since")
    for row in asyncio.run(_streams(app, database)):
        table.add_row(row["stream"], str(row["keys"]), str(row["waiting"]), str(row["since"] or ""))
    Console().print(table)


@sections.command()
def republish(
    app: App = "customer", stream: Streams = None, key: Keys = None, database: Address = None, patience: Patience = 30.0
) -> None:
    """Publish again what stands in the app's database, under newer versions. Repeat it at will.

    For copies that lost something, and for topics that did. So many at a time that others' changes go out in between;
    whoever follows changes hears of each. It ends once the app's worker has sent all of it.
    """
    published = asyncio.run(_republish(app, stream, key, database, patience))
    typer.echo(f"documents of {app} that were published again: {published}")


async def _streams(app: str, database: str | None) -> Sequence[Any]:
    async with database_of(_publishing(app), database) as connection:
        rows: Sequence[Any] = await connection.fetch(STREAMS)
        return rows


def _publishing(app: str) -> str:
    if known(app) not in SERVICES:
        raise typer.BadParameter(f"{app} publishes nothing; apps that do: {', '.join(SERVICES)}")
    return app


async def _republish(
    app: str, asked: list[str] | None, keys: list[UUID] | None, database: str | None, patience: float
) -> int:
    async with database_of(_publishing(app), database) as connection:
        counts = {row["stream"]: row["keys"] for row in await connection.fetch(STREAMS)}
        if unknown := sorted(set(asked or ()) - counts.keys()):
            raise typer.BadParameter(f"{app} published nothing on {', '.join(unknown)}; it did on: {', '.join(counts)}")
        streams = list(dict.fromkeys(asked or counts))
        found = {row["key"] for row in await connection.fetch(KNOWN, streams, keys or [])}
        if missing := [str(key) for key in keys or () if key not in found]:
            raise typer.BadParameter(f"{app} never published anything of {', '.join(missing)}")
        total = None if keys else sum(counts[stream] for stream in streams)
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task, published = progress.add_task("published", total=total), 0
            for stream in streams:
                after = FIRST
                while batch := await _marked(connection, stream, after, keys):
                    await _sent(connection, batch, patience)
                    after, published = max(batch.keys), published + len(batch.keys)
                    progress.update(task, completed=published)
    return published


async def _marked(connection: Any, stream: str, after: UUID, keys: list[UUID] | None) -> Batch | None:
    rows = await connection.fetch(REPUBLISH, stream, after, keys, AT_ONCE)
    return Batch(stream, [row["key"] for row in rows], max(row["marked_at"] for row in rows)) if rows else None


async def _sent(connection: Any, batch: Batch, patience: float) -> None:
    last, moved_at = len(batch.keys), time.monotonic()
    while waiting := await connection.fetchval(WAITING, batch.stream, batch.marked_at, batch.keys):
        if waiting < last:
            last, moved_at = waiting, time.monotonic()
        if time.monotonic() - moved_at > patience:
            sentence = (
                f"{waiting} documents of {batch.stream} still wait: see whether the app's worker runs, whether Kafka "
                "answers, and what its log says of a document that cannot be sent. Then repeat it."
            )
            raise LocalFailure(sentence, os.EX_TEMPFAIL)
        await asyncio.sleep(POLL_SECONDS)
