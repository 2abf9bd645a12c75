"""`guanxi keys`: the keys that identifiers are encrypted under, changed while the bank goes on."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from guanxi.app_database import Address, App, database_of, known
from guanxi.local.failures import LocalFailure
from guanxi.local.settings import LocalSettings
from guanxi.local.stack import Stack
from libs.common.audit import signed_head
from libs.common.key_changes import add_key, index_by, retire_key, use_key, wrap_keys
from libs.common.keyring import PLAIN, Keeper, KeyRing, KeyRingError
from libs.common.kms import keeper_of
from libs.common.settings import KmsSettings

keys = typer.Typer(
    no_args_is_help=True,
    help="Keys of one app: `add` one and start the app again, `use` it (and `index` by it) and start again, "
    "`retire` the old one.",
)
T = TypeVar("T")
Ring = Annotated[Path | None, typer.Option(help="The ring's file; that of the local stack's app by default.")]
COLUMNS = """
    SELECT table_schema || '.' || table_name, column_name FROM information_schema.columns
    WHERE table_schema IN ('public', 'edge') AND data_type = 'bytea'
      AND (column_name LIKE '%\\_sealed' OR column_name LIKE '%\\_index'
           OR (table_name, column_name) = ('dead_letters', 'payload'))
    ORDER BY 1, 2
"""

HEADS = """
    SELECT chain, sequence, signature FROM audit_heads
    WHERE get_byte(decode(left(translate(signature, '-_', '+/'), 4), 'base64'), 0) = $1 LIMIT 100
"""
"""Some of those that name a version of a key in their first byte."""


@keys.command()
def new(ring: Annotated[Path, typer.Argument(help="Its file, which there is not yet.")]) -> None:
    """Make a ring of one new key: one for each app, and one that all of them share."""
    _told(lambda: KeyRing.generate(ring, _keeper()))
    typer.echo(f"written: {ring}")


@keys.command()
def add(app: App = "customer", ring: Ring = None) -> None:
    """Add a key that nothing uses yet: every process must know it before one writes with it."""
    place = _place(app, ring)
    version = _told(lambda: add_key(place, _keeper()))
    typer.echo(f"added key version {version}; start {app} again, then `guanxi keys use {version} --app {app}`")


@keys.command()
def use(version: int, app: App = "customer", ring: Ring = None) -> None:
    """Encrypt with that key from the next start on; the worker brings the older values under it."""
    place = _place(app, ring)
    _told(lambda: use_key(place, version, _keeper()))
    typer.echo(f"key version {version} is current; start {app} again, and watch `guanxi keys status --app {app}`")


@keys.command()
def index(version: int, app: App = "customer", ring: Ring = None) -> None:
    """Make blind indexes with that key from the next start on; the worker makes the older ones anew."""
    place = _place(app, ring)
    _told(lambda: index_by(place, version, _keeper()))
    typer.echo(f"key version {version} makes indexes; start {app} again, and watch `guanxi keys status --app {app}`")


@keys.command()
def retire(version: int, app: App = "customer", ring: Ring = None, database: Address = None) -> None:
    """Forget a key under which nothing stands any more, as the app's database says."""
    place, address = _place(app, ring), _address(ring, database)
    if left := asyncio.run(_counted(app, address)).get(version):
        raise LocalFailure(f"{left} values of {app} are still under key version {version}.", os.EX_UNAVAILABLE)
    held = ring_of(app, ring)
    if asyncio.run(_signs_heads(held, version, app, address)):
        sentence = f"Audit heads of {app} are signed by key version {version}: it stays as long as they do."
        raise LocalFailure(sentence, os.EX_UNAVAILABLE)
    _told(lambda: retire_key(place, version, _keeper()))
    typer.echo(f"key version {version} is gone")


@keys.command()
def wrap(app: App = "customer", ring: Ring = None) -> None:
    """Let a key management service keep the ring's keys: GUANXI_KMS_URL, _KEY and _TOKEN say which."""
    place, keeper = _place(app, ring), _keeper()
    if keeper is PLAIN:
        raise typer.BadParameter("set GUANXI_KMS_URL, and GUANXI_KMS_TOKEN to a file that holds a token for it")
    wrapped = _told(lambda: wrap_keys(place, keeper))
    typer.echo(f"{wrapped} keys of {place} are wrapped; start {app} again, with the same settings")


@keys.command()
def status(app: App = "customer", ring: Ring = None, database: Address = None) -> None:
    """How many values stand under which key."""
    held = ring_of(app, ring)
    counted, table = asyncio.run(_counted(app, _address(ring, database))), Table("key version", "values", "")
    for version in sorted({*held.versions, *counted}):
        uses = [word for word, used in (("current", held.current), ("index", held.index)) if used == version]
        table.add_row(str(version), str(counted.get(version, 0)), ", ".join(uses))
    Console().print(table)


def ring_of(app: str, ring: Path | None) -> KeyRing:
    """Raises LocalFailure where there is none, or one that cannot be opened."""
    return ring_at(_place(app, ring))


def ring_at(place: Path) -> KeyRing:
    """Raises LocalFailure where there is none, or one that cannot be opened."""
    return _told(lambda: KeyRing.load(place, _keeper()))


def _place(app: str, ring: Path | None) -> Path:
    known(app)
    return ring or Stack(LocalSettings(), Console()).secrets.keyring(app)


def _keeper() -> Keeper:
    return keeper_of(KmsSettings())


def _address(ring: Path | None, database: str | None) -> str | None:
    if database is None and ring is not None:
        raise typer.BadParameter("with --ring, name the app's --database too: what stands under a key is counted there")
    return database


def _told(change: Callable[[], T]) -> T:
    try:
        return change()
    except KeyRingError as error:
        raise LocalFailure(f"{str(error)[:1].upper()}{str(error)[1:]}.", os.EX_CONFIG) from None


async def _signs_heads(ring: KeyRing, version: int, app: str, database: str | None) -> bool:
    """Whether a head that stands there is by this version of this ring, and not of another."""
    async with database_of(app, database) as connection:
        heads = await connection.fetch(HEADS, version)
    return any(signed_head(ring, head["chain"], head["sequence"], head["signature"]) for head in heads)


async def _counted(app: str, database: str | None) -> dict[int, int]:
    """Values by key version: the second and third byte of what is encrypted, the first of a blind index."""
    found: dict[int, int] = {}
    async with database_of(app, database) as connection:
        for table, column in await connection.fetch(COLUMNS):
            is_index = column.endswith("_index")
            version = f"get_byte({column}, 0)" if is_index else f"get_byte({column}, 1) * 256 + get_byte({column}, 2)"
            counts = f"SELECT {version}, count(*) FROM {table} WHERE {column} IS NOT NULL GROUP BY 1"  # noqa: S608
            for number, values in await connection.fetch(counts):
                found[number] = found.get(number, 0) + values
    return found
