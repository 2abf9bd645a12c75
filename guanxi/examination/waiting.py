"""What waits in the queues of every app, by its metrics: in its own database, and in Kafka for it."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from rich.progress import Progress

from guanxi.examination.finding import SECONDS
from guanxi.local.ports import listens
from guanxi.local.settings import APPS, LocalSettings
from guanxi.local.shape import processes_of
from libs.common.queues import PAUSE_SECONDS

NAMED_BY = {"guanxi_queue_depth": "queue", "guanxi_consumer_lag": "topic"}
"""Which label names the queue."""
LOOK_SECONDS, AT_MOST_SECONDS = 1.0, 300.0
QUIET_SECONDS = PAUSE_SECONDS + LOOK_SECONDS
"""For so long nothing waits before that is believed: an app measures its queues at its own pace."""

Depths = Counter[tuple[str, str]]
"""How much waits in each queue, by app and name."""


async def waiting(settings: LocalSettings) -> Depths:
    found = Depths()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session:
        for app in APPS:
            async for metrics in _metrics(session, settings, app):
                told = text_string_to_metric_families(metrics)
                for sample in (sample for family in told if family.name in NAMED_BY for sample in family.samples):
                    found[app, sample.labels[NAMED_BY[sample.name]]] += int(sample.value)
    return +found


async def _metrics(session: aiohttp.ClientSession, settings: LocalSettings, app: str) -> AsyncIterator[str]:
    """Of each process of an app that is there: their management ports follow each other."""
    for offset in range(2, 2 + len(processes_of(settings)[app])):
        if await listens(settings.host, settings.port(app) + offset):
            async with session.get(f"{settings.address(app, offset)}/metrics") as answer:
                yield await answer.text()


async def left_until_quiet(settings: LocalSettings) -> AsyncIterator[int]:
    """How much waits, look after look, until nothing was seen to wait for QUIET_SECONDS."""
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < QUIET_SECONDS:
        left = (await waiting(settings)).total()
        if left:
            quiet_since = time.monotonic()
        yield left
        await asyncio.sleep(LOOK_SECONDS)


async def until_nothing_waits(settings: LocalSettings, progress: Progress) -> bool:
    """Until everybody has heard of everything, with a bar of what has still to go round; False after some minutes."""
    bar, most, until = progress.add_task("heard", total=None), 0, time.monotonic() + AT_MOST_SECONDS
    async for left in left_until_quiet(settings):
        most = max(most, left)
        progress.update(bar, total=most, completed=most - left)
        if time.monotonic() > until:
            return False
    return True
