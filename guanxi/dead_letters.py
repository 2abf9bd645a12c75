"""`guanxi dlq`: records that a service could not handle, looked at and tried again."""

import asyncio
import base64
import json
import os
import time
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from guanxi.app_database import Address, App, database_of, known
from guanxi.keys import Ring, ring_of
from guanxi.local.failures import LocalFailure
from guanxi.local.stack import SERVICES
from libs.common.encryption import DecryptionFailed, FieldCipher

dlq = typer.Typer(no_args_is_help=True, help="Dead letters of one service: `list`, `show` and `retry` them.")

POLL_SECONDS = 0.25
LETTERS = """
    SELECT id, raised_at, topic, partition, position, type, subject, sequence, cause, attempts, asked_at, handled_at
    FROM dead_letters WHERE ($1 OR handled_at IS NULL) ORDER BY id DESC LIMIT $2
"""
LETTER = "SELECT * FROM dead_letters WHERE id = $1"
ASK = """
    UPDATE dead_letters SET asked_at = clock_timestamp(), out_of_order = $2
    WHERE handled_at IS NULL AND ($1::uuid[] IS NULL OR id = ANY($1)) RETURNING id
"""
STILL_ASKED = "SELECT count(*) FROM dead_letters WHERE id = ANY($1) AND asked_at IS NOT NULL"
LEFT = "SELECT id, cause FROM dead_letters WHERE id = ANY($1) AND handled_at IS NULL ORDER BY id"

Letters = Annotated[list[UUID] | None, typer.Argument(metavar="[ID]...", help="As `list` shows them.")]


@dlq.command("list")
def list_letters(
    app: App = "customer",
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that were handled since, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    database: Address = None,
) -> None:
    """What was set aside, and why; nothing of what it says."""
    table = Table("id", "raised", "from", "type", "cause", "tried", "state")
    for row in asyncio.run(_fetched(app, database, LETTERS, every, limit)):
        place = f"{row['topic']} {row['partition']}@{row['position']}"
        raised = f"{row['raised_at']:%Y-%m-%d %H:%M:%S}"
        table.add_row(str(row["id"]), raised, place, row["type"] or "", row["cause"], str(row["attempts"]), _state(row))
    Console().print(table)


@dlq.command()
def show(letter: UUID, app: App = "customer", ring: Ring = None, database: Address = None) -> None:
    """One of them, with what it says: the record may hold what is kept encrypted otherwise."""
    rows = asyncio.run(_fetched(app, database, LETTER, letter))
    if not rows:
        raise typer.BadParameter(f"{app} has no dead letter {letter}")
    cipher = FieldCipher(ring_of(app, ring))
    try:
        content = cipher.decrypt(rows[0]["payload"], table="dead_letters", column="payload", row=letter)
    except DecryptionFailed as failed:
        raise LocalFailure(f"{str(failed)[:1].upper()}{str(failed)[1:]}.", os.EX_CONFIG) from None
    told = {name: value for name, value in dict(rows[0]).items() if name != "payload" and value is not None}
    typer.echo(json.dumps({name: str(value) for name, value in told.items()}, indent=2))
    typer.echo(base64.b64decode(content).decode(errors="replace"))


@dlq.command()
def retry(
    letters: Letters = None,
    app: App = "customer",
    *,
    every: Annotated[bool, typer.Option("--all", help="All that are not handled.")] = False,
    out_of_order: Annotated[
        bool, typer.Option("--out-of-order", help="Though later events of the same subject were handled.")
    ] = False,
    patience: Annotated[float, typer.Option(help="Seconds to wait for the app's worker.")] = 30.0,
    database: Address = None,
) -> None:
    """Let the app's worker handle them again, once what was wrong is mended. Exit status 1 where one fails again."""
    if bool(letters) == every:
        raise typer.BadParameter("name dead letters, or ask for --all")
    asked, left = asyncio.run(_retry(app, database, None if every else letters, patience, out_of_order=out_of_order))
    for row in left:
        typer.echo(f"{row['id']} failed again: {row['cause']}", err=True)
    typer.echo(f"dead letters of {app} that are handled now: {asked - len(left)} of {asked}")
    raise typer.Exit(1 if left else 0)


async def _fetched(app: str, database: str | None, query: str, *arguments: object) -> Sequence[Any]:
    async with database_of(_listening(app), database) as connection:
        rows: Sequence[Any] = await connection.fetch(query, *arguments)
        return rows


def _listening(app: str) -> str:
    if known(app) not in SERVICES:
        raise typer.BadParameter(f"{app} sets nothing aside; apps that do: {', '.join(SERVICES)}")
    return app


def _state(row: Any) -> str:
    if row["handled_at"]:
        return "handled"
    return "asked for" if row["asked_at"] else "set aside"


async def _retry(
    app: str, database: str | None, letters: list[UUID] | None, patience: float, *, out_of_order: bool
) -> tuple[int, Sequence[Any]]:
    """How many were asked for, and those of them that are not handled."""
    async with database_of(_listening(app), database) as connection:
        asked = [row["id"] for row in await connection.fetch(ASK, letters, out_of_order)]
        if missing := sorted(set(letters or ()) - set(asked)):
            raise typer.BadParameter(f"no dead letters of {app} that wait: {', '.join(map(str, missing))}")
        deadline = time.monotonic() + patience
        while waiting := await connection.fetchval(STILL_ASKED, asked):
            if time.monotonic() > deadline:
                sentence = f"{waiting} are asked for and not tried yet: see whether the worker of {app} runs."
                raise LocalFailure(sentence, os.EX_TEMPFAIL)
            await asyncio.sleep(POLL_SECONDS)
        return len(asked), await connection.fetch(LEFT, asked)
