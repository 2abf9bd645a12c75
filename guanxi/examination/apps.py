"""Each app by its management port: is it ready, and what do its metrics say?"""

import asyncio
from http import HTTPStatus

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from guanxi.examination.finding import SECONDS, Finding
from guanxi.local.settings import LocalSettings
from guanxi.local.shape import processes_of

MOST_RECORDS_WAITING = 1000
"""Two of a consumer's batches: below that it is only at work."""
MOST_SECONDS_BEHIND = 60.0
"""From here on the 360° view calls a section stale."""


async def examine_apps(settings: LocalSettings) -> list[Finding]:
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        every = [(app, *each) for app, names in processes_of(settings).items() for each in enumerate(names)]
        found = await asyncio.gather(*[_examine(session, settings, *each) for each in every])
    return [finding for findings in found for finding in findings]


async def _examine(
    session: aiohttp.ClientSession, settings: LocalSettings, app: str, place: int, name: str
) -> list[Finding]:
    where, log = settings.address(app, 2 + place), settings.home / "logs" / f"{name}.log"
    try:
        async with session.get(f"{where}/health/ready") as answer:
            ready, status = answer.status == HTTPStatus.OK, answer.status
        async with session.get(f"{where}/metrics") as answer:
            metrics = await answer.text()
    except (aiohttp.ClientError, TimeoutError, OSError):
        return [
            Finding(name, well=False, says=f"does not answer at {where}", advice=f"start `guanxi up`, or read {log}")
        ]
    if not ready:
        says = f"is not ready: /health/ready answers {status}"
        return [Finding(name, well=False, says=says, advice=f"look after its database, read {log}")]
    says = f"ready at {where if place else settings.address(app)}"
    return [Finding(name, well=True, says=says), *_lags(name, metrics, str(log))]


def _lags(name: str, metrics: str, log: str) -> list[Finding]:
    waiting, behind = _sum(metrics, "guanxi_consumer_lag"), _worst(metrics, "guanxi_section_lag_seconds")
    found = []
    if waiting is not None:
        says, well = f"{waiting:.0f} records wait to be read", waiting <= MOST_RECORDS_WAITING
        found.append(
            Finding(f"{name}: consumer", well, says, "" if well else f"wait; if it does not shrink, read {log}")
        )
    if behind is not None:
        says, well = f"published as of {behind:.1f} s ago", behind <= MOST_SECONDS_BEHIND
        found.append(
            Finding(f"{name}: publishing", well, says, "" if well else f"see Kafka and its consumer, read {log}")
        )
    return found


def _values(metrics: str, name: str) -> list[float]:
    families = text_string_to_metric_families(metrics)
    return [sample.value for family in families if family.name == name for sample in family.samples]


def _sum(metrics: str, name: str) -> float | None:
    values = _values(metrics, name)
    return sum(values) if values else None


def _worst(metrics: str, name: str) -> float | None:
    return max(_values(metrics, name), default=None)
