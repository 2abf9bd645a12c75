"""`guanxi import …`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from guanxi.local.settings import LocalSettings

imports = typer.Typer(no_args_is_help=True, help="Bring another bank's data into the running system.")


@imports.callback()
def _import() -> None:
    """Keeps the name of the bank in the command while there is only one."""


@imports.command("berka")
def berka(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files fin_*.tsv and the loans' CSV lie.")],
) -> None:
    """Import the PKDD'99 Berka bank: 5,369 real, anonymised clients. Repeat it at will: nothing is doubled."""
    from guanxi.importers.berka import import_berka  # noqa: PLC0415 - only where it is wanted

    asyncio.run(import_berka(folder, LocalSettings(), Console()))
