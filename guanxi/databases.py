"""`guanxi database`: an app's database on a server of the bank's, and the two roles that it has there."""

import asyncio
import os
from pathlib import Path
from secrets import token_urlsafe
from typing import Annotated

import typer

from guanxi.app_database import known
from guanxi.local.failures import LocalFailure
from guanxi.local.given import GivenPostgres
from guanxi.local.secrets import write_private
from guanxi.local.settings import APPS

FILES = {"owner": "GUANXI_OWNER_DATABASE_URL", "app": "GUANXI_DATABASE_URL"}
"""Of whom each address is; what migrates is the owner, what serves and works is the app."""


def database(
    app: Annotated[str, typer.Argument(help=f"One of {', '.join(APPS)}.")],
    server: Annotated[str, typer.Option(help="postgresql://… of somebody who may make roles and databases there.")],
    folder: Annotated[Path, typer.Option(help="Where the addresses are written.")] = Path(".local/databases"),
) -> None:
    """Make an app's database with its two roles, and write their addresses, as the app's Secrets hold them.

    The owner migrates it; the app reads and writes, defines nothing, and holds no lock for long. Where they are there
    already, the roles get new passwords: who is connected stays so, and whoever comes next needs the new ones.
    """
    known(app)
    places = {role: folder / app / file for role, file in FILES.items()}
    if there := [str(place) for place in places.values() if place.exists()]:
        sentence = f"Written before: {' and '.join(there)}. Move them away for new passwords, or name another --folder."
        raise LocalFailure(sentence, os.EX_CANTCREAT)
    passwords = {role: token_urlsafe(24) for role in FILES}
    postgres = GivenPostgres(server, named="--server")

    async def make() -> None:
        await postgres.start()
        await postgres.ensure_database(app, passwords["owner"], passwords["app"])

    asyncio.run(make())
    for role, place in places.items():
        write_private(place, postgres.address_of(app, f"{app}_{role}", passwords[role]))
        typer.echo(f"written: {place}")
