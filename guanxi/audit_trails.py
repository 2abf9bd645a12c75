"""`guanxi audit`: an app's trail held against everything that is known of it, and brought back after a restore."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer
from rich.console import Console

from guanxi.app_database import App, known
from guanxi.audit import Fault, Verified, bring_back, verify
from guanxi.audit_topic import Places, told_on_topic
from guanxi.cluster.connection import Cluster, ClusterAway
from guanxi.keys import ring_at
from guanxi.local.failures import LocalFailure
from guanxi.local.settings import APPS, LocalSettings
from guanxi.local.stack import Stack
from libs.common.keyring import KeyRing

audit = typer.Typer(no_args_is_help=True, help="The audit trail: who looked at whom, and what they changed.")

SHOWN = 20
"""Faults of an app that are told one by one."""

Own = Annotated[str | None, typer.Option(help="postgresql://… of the app, as its owner; the local stack's by default.")]
Gateway = Annotated[str | None, typer.Option(help="Of the gateway, as its owner.")]
Ring = Annotated[Path | None, typer.Option(help="The file of the ring that all apps share.")]


@dataclass(frozen=True)
class Trail:
    """Where an app's trail stands: in its own database, and at the gateway. Both addresses are the owners'."""

    app: str
    own: str
    gateway: str

    @classmethod
    def of(cls, app: str, own: str | None, gateway: str | None) -> "Trail":
        """Of the local stack, where neither is named.

        Raises:
            BadParameter: one of both is named.
        """
        if (own is None) != (gateway is None):
            raise typer.BadParameter("--database and --gateway are named together")
        if own is not None and gateway is not None:
            return cls(known(app), own, gateway)
        stack = Stack(LocalSettings(), Console())
        return cls(known(app), stack.database_url(app, "owner"), stack.database_url("gateway", "owner"))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[tuple[Any, Any]]:
        """Connections to both.

        Raises:
            LocalFailure: one does not answer, or lets nobody in.
        """
        try:
            async with connected(self.own) as own, connected(self.gateway) as gateway:
                yield own, gateway
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            sentence = f"The trail of {self.app} cannot be read ({type(error).__name__}): start `guanxi up`, or name "
            raise LocalFailure(f"{sentence}another --database and --gateway.", os.EX_UNAVAILABLE) from None


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(address, timeout=5)
    try:
        yield connection
    finally:
        await connection.close()


@audit.command("verify")
def verify_trails(
    app: Annotated[list[str] | None, typer.Option(help="An app; may be repeated. All by default.")] = None,
    database: Own = None,
    gateway: Gateway = None,
    ring: Ring = None,
) -> None:
    """Hold every entry against its hash, the signed heads and both copies; exit status 1 where one is amiss.

    Of the local stack; elsewhere name one app, both databases and the ring, and Kafka by GUANXI_KAFKA….
    """
    if database and len(app or ()) != 1:
        raise typer.BadParameter("with --database, name the one --app that it is of")
    if (database is None) != (ring is None):
        raise typer.BadParameter("--database and --ring are named together: heads are signed by its keys")
    trails = [Trail.of(known(each), database, gateway) for each in app or APPS]
    faults = asyncio.run(_verify(trails, ring, Console()))
    raise typer.Exit(1 if faults else 0)


@audit.command()
def restore(app: App = "customer", database: Own = None, gateway: Gateway = None) -> None:
    """Write into an app's trail what only the gateway's copy still holds, once its database came from an old dump."""
    trail = Trail.of(app, database, gateway)

    async def restored() -> int:
        async with trail.opened() as (own, copy):
            return await bring_back(app, own, copy)

    typer.echo(f"{app}: {asyncio.run(restored())} entries are back")


async def _verify(trails: list[Trail], ring: Path | None, console: Console) -> list[Fault]:
    """Verify trails, telling of each."""
    faults: list[Fault] = []
    shared = ring_at(ring or Stack(LocalSettings(), console).secrets.keyring("shared"))
    try:
        on_topic = await told_on_topic(Cluster())
    except ClusterAway as away:
        sentence = f"crm.audit.v1 cannot be read ({away}): start `guanxi up`, or set GUANXI_KAFKA."
        raise LocalFailure(sentence, os.EX_UNAVAILABLE) from None
    for trail in trails:
        found = await _verified(trail, shared, on_topic.get(trail.app, {}))
        faults += found.faults
        verdict = f"{len(found.faults)} do not fit" if found.faults else "all fit"
        console.print(f"{trail.app}: {found.entries} entries, {found.heads} heads: {verdict}")
        for fault in found.faults[:SHOWN]:
            console.print(f"  {fault}", style="red", soft_wrap=True)
    return faults


async def _verified(trail: Trail, ring: KeyRing, on_topic: Places) -> Verified:
    async with trail.opened() as (own, gateway):
        return await verify(trail.app, own, gateway, ring, on_topic)
