"""The database of one app, as commands name it: that of the local stack, or another by its address."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import asyncpg
import typer
from rich.console import Console

from guanxi.local.failures import LocalFailure
from guanxi.local.settings import APPS, LocalSettings
from guanxi.local.stack import Stack
from libs.common.connections import DRIVER_ERRORS, PATIENT

App = Annotated[str, typer.Option(help=f"One of {', '.join(APPS)}.")]
Address = Annotated[str | None, typer.Option(help="postgresql://… of the app; the local stack's by default.")]


def known(app: str) -> str:
    """Raises BadParameter for an app that there is not."""
    if app not in APPS:
        raise typer.BadParameter(f"unknown: {app}; apps are: {', '.join(APPS)}")
    return app


@asynccontextmanager
async def database_of(app: str, address: str | None) -> AsyncIterator[Any]:
    """A connection as the app itself has it, but for the app's limits of time: a command goes through all there is.

    Raises:
        BadParameter: there is no such app, or the address is none.
        LocalFailure: nobody answers there, or no longer.
    """
    known(app)
    place = address or Stack(LocalSettings(), Console()).database_url(app, "app")
    try:
        connection = await asyncpg.connect(place, server_settings=PATIENT)
    except asyncpg.InterfaceError:
        raise typer.BadParameter("--database is no address; write one as postgresql://user:password@host/app") from None
    except (OSError, asyncpg.PostgresError):
        sentence = "PostgreSQL does not answer: start `guanxi up`, or name another --database."
        raise LocalFailure(sentence, os.EX_UNAVAILABLE) from None
    try:
        yield connection
    except DRIVER_ERRORS as error:
        raise LocalFailure(f"PostgreSQL gave up ({type(error).__name__}); repeat it.", os.EX_TEMPFAIL) from error
    finally:
        connection.terminate()
