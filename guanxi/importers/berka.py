"""`guanxi import berka`: the PKDD'99 bank brought into a running system, as often as wanted.

Branches and their people, then clients, through REST; then what the core states, through Kafka. A statement must not
come before its holders are registered: an unknown holder becomes a prospect without a name. Everything carries a
fixed key, a source reference or a sequence, so a repeated or resumed import changes only what is missing.
"""

import os
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from guanxi.client import Client, require_running
from guanxi.core_topics import CoreTopics
from guanxi.importers.berka_bank import HEAD, IMPORTER, BerkaBank
from guanxi.importers.berka_files import read_berka
from guanxi.importers.berka_records import BerkaFiles
from guanxi.importers.berka_statements import statements
from guanxi.local.failures import LocalFailure
from guanxi.local.issuer import ADMIN, LocalIssuer
from guanxi.local.settings import LocalSettings
from guanxi.parallel import batches, each_with_bar
from libs.contracts.core import CoreAccount

AT_ONCE = 12
IN_A_BATCH, BATCHES = 50, 4

T = TypeVar("T")


async def import_berka(folder: Path, settings: LocalSettings, console: Console) -> None:
    """Bring the files of `folder` into the system that `guanxi up` started.

    Raises:
        LocalFailure: a file is missing or broken, or nothing runs.
    """
    files = read_berka(folder)
    stated = _statements(files)
    await require_running(settings)
    columns = TextColumn("{task.description:12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        sizes = {"branches": len(files.districts), "clients": len(files.clients), "statements": len(stated)}
        bars = {name: progress.add_task(name, start=False, total=size) for name, size in sizes.items()}
        await _bank(files, settings, progress, bars)
        await _state(stated, settings, progress, bars["statements"])


async def _bank(files: BerkaFiles, settings: LocalSettings, progress: Progress, bars: dict[str, TaskID]) -> None:
    issuer = LocalIssuer(settings.home / "keys")
    async with (
        Client(settings.gateway, issuer.token(ADMIN, [ADMIN])) as admin,
        Client(settings.gateway, issuer.token(IMPORTER, [HEAD])) as importer,
    ):
        bank = BerkaBank(files, admin, importer)
        await bank.open_head_office()
        progress.start_task(bars["branches"])
        await each_with_bar(progress, bars["branches"], files.districts, bank.open_branch, at_once=AT_ONCE)
        await bank.importer_is_known()
        progress.start_task(bars["clients"])
        clients = batches(files.clients, IN_A_BATCH)
        await each_with_bar(progress, bars["clients"], clients, bank.register, at_once=BATCHES, count=len)


async def _state(stated: list[CoreAccount], settings: LocalSettings, progress: Progress, bar: TaskID) -> None:
    progress.start_task(bar)
    async with CoreTopics(settings) as core:
        await core.state(stated, lambda sent: progress.advance(bar, sent))


def _statements(files: BerkaFiles) -> list[CoreAccount]:
    try:
        return list(statements(files))
    except KeyError as missing:
        raise LocalFailure(f"The files do not fit together: nothing is known of {missing}.", os.EX_DATAERR) from None
