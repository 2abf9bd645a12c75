"""Identifiers and descriptors planted through the API are looked for, in clear, wherever bytes come to rest."""

import asyncio
import uuid
from pathlib import Path

import asyncpg
import httpx
import pytest

from guanxi.local.settings import APPS
from guanxi.local.stack import Stack
from libs.contracts.catalogue import CORE, SECTIONS, TOPICS
from tests.collector import Collector
from tests.e2e.planting import BORN, BY_CORE, NAME, TOLD, WRITTEN, describe, plant, state
from tests.kafka import records_of
from tests.polling import until

pytestmark = pytest.mark.e2e

SECTION_TOPICS = [topic.name for topic, _ in SECTIONS.values()]


async def test_planted_identifiers_are_nowhere_in_clear(stack: Stack, collector: Collector) -> None:
    customer_id = await plant(stack)
    await state(stack)
    await checkpoint(stack)
    needles = TOLD + BY_CORE
    found = await asyncio.to_thread(look_for, stack.settings.home, needles, ("postgres", "logs", "console.log"))
    found += await asyncio.to_thread(look_for, stack.settings.home, TOLD, ("kafka",))
    found += await in_metrics(stack, needles)
    found += await in_traces(stack, collector, needles)
    found += await in_records(stack, needles, [topic.name for topic in TOPICS if topic not in CORE])
    assert found == []
    assert len(await in_records(stack, needles, [topic.name for topic in CORE])) == 3, "the core says numbers in clear"
    seen = await asyncio.to_thread(look_for, stack.settings.home, [customer_id])
    assert any("postgres/" in place for place in seen), "the search finds nothing in database files"
    assert await in_records(stack, [customer_id]), "the search finds nothing in records"
    assert await asyncio.to_thread(look_for, stack.settings.home, ["leading"]), "the search finds nothing in logs"


async def test_planted_descriptors_are_in_no_event_log_metric_or_trace(stack: Stack, collector: Collector) -> None:
    needles = [NAME, BORN, *WRITTEN]
    await describe(stack)
    found = await asyncio.to_thread(look_for, stack.settings.home, needles, ("logs", "console.log"))
    found += await in_metrics(stack, needles)
    found += await in_traces(stack, collector, needles)
    found += await in_records(stack, needles, [topic.name for topic in TOPICS if topic.name not in SECTION_TOPICS])
    assert found == []
    for needle in (NAME, BORN):
        assert await in_records(stack, [needle], SECTION_TOPICS), f"{needle} is in no section: nothing was planted"
    await checkpoint(stack)
    for needle in WRITTEN:
        assert await asyncio.to_thread(look_for, stack.settings.home, [needle], ("postgres",)), f"{needle} is nowhere"
    assert await in_records(stack, WRITTEN, SECTION_TOPICS) == []


async def checkpoint(stack: Stack) -> None:
    """Everything that PostgreSQL still holds in memory goes to its files."""
    connection = await asyncpg.connect(stack.postgres.admin_dsn)
    await connection.execute("CHECKPOINT")
    await connection.close()


def look_for(
    home: Path, needles: list[str], parts: tuple[str, ...] = ("postgres", "kafka", "logs", "console.log")
) -> list[str]:
    """Database files, WAL, topics and logs; keys and the program's own jars aside."""
    wanted = [needle.encode() for needle in needles]
    wanted += [bytes.fromhex(needle.replace("-", "")) for needle in needles if needle.count("-") == 4]
    found = []
    for part in parts:
        top = home / part
        for file in [top] if top.is_file() else sorted(top.rglob("*")):
            if file.is_file() and file.suffix != ".jar":
                content = file.read_bytes()
                found += [f"{needle!r} in {file.relative_to(home)}" for needle in wanted if needle in content]
    return found


async def in_records(stack: Stack, needles: list[str], topics: list[str] | None = None) -> list[str]:
    """Keys, values and headers of every record: on the disk they lie compressed."""
    wanted = [needle.encode() for needle in needles]
    found = []
    for topic in topics or [topic.name for topic in TOPICS]:
        async for record in records_of(stack.kafka.bootstrap, topic):
            parts = [record.key or b"", record.value or b"", *(value or b"" for _, value in record.headers)]
            found += [f"{needle!r} on {topic}" for needle in wanted if any(needle in part for part in parts)]
    return found


async def in_metrics(stack: Stack, needles: list[str]) -> list[str]:
    async with httpx.AsyncClient() as client:
        texts = {app: (await client.get(f"{stack.settings.address(app, 2)}/metrics")).text for app in APPS}
    assert all("guanxi_http_request_seconds" in text for text in texts.values())
    return [f"{needle} in metrics of {app}" for app, text in texts.items() for needle in needles if needle in text]


async def in_traces(stack: Stack, collector: Collector, needles: list[str]) -> list[str]:
    """In spans as they were sent; every app has told those of what it did so far."""
    trace = uuid.uuid4().hex
    async with httpx.AsyncClient(headers={"traceparent": f"00-{trace}-{trace[:16]}-01"}) as client:
        for app in APPS:
            await client.get(f"{stack.settings.address(app, 2)}/health/live")

    async def told() -> bool:
        return {span.service for span in collector.spans if span.trace == trace} == set(APPS)

    await until(told)
    return [f"{needle} in a trace" for needle in needles if any(needle.encode() in body for body in collector.bodies)]
