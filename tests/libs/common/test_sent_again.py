"""A service whose topics were made again, as whoever listens to it sees it."""

from typing import Any

import asyncpg

from libs.common.hearing import Subscription
from libs.common.kafka import EPOCH, epoch_of, headers_of
from libs.common.worker import run_worker
from tests.libs.common.flow import of, read_all, running, touch, touch_again, worker
from tests.libs.common.probe import EVENTS, SECTION, Probe, ThingTouched
from tests.libs.common.test_flow import Listener
from tests.polling import until
from tests.topics import make_again


async def test_topics_that_were_made_again_hold_everything_again_and_nothing_happens_twice(
    probe: Probe, database: asyncpg.Connection
) -> None:
    listener = Listener(probe)
    subscription = Subscription((EVENTS.name,), {ThingTouched.type: (ThingTouched, listener.handle)})
    async with running(run_worker(worker(probe, subscription=subscription))):
        old = await touch(probe, 3)

        async def heard() -> bool:
            return await listener.effects(old) == ["0", "1", "2"]

        await until(heard)
        await read_all(probe, SECTION, lambda records: bool(of(records, old)))
        await make_again(probe.settings.kafka, EVENTS, SECTION)
        new = await touch(probe, 2)
        events = await read_all(probe, EVENTS, lambda rs: len(of(rs, old)) >= 3 and len(of(rs, new)) >= 2)
        sections = await read_all(probe, SECTION, lambda rs: bool(of(rs, old)) and bool(of(rs, new)))
        await touch_again(probe, old)

        async def heard_on() -> bool:
            return len(await listener.effects(old)) == 4 and len(await listener.effects(new)) == 2

        await until(heard_on)
    again = [headers_of(record)["ce_sequence"] for record in of(events, old) if epoch_of(record)]
    assert again[:3] == ["1", "2", "3"]
    assert any(EPOCH in headers_of(record) for record in of(sections, old))
    assert await listener.effects(old) == ["0", "1", "2", ""]
    assert await database.fetchval("SELECT count(*) FROM broker_epochs WHERE epoch > 0") == 1
    version: Any = await database.fetchval("SELECT version FROM publication_marks WHERE key = $1", new)
    assert int(headers_of(of(sections, new)[-1])["ce_sequence"]) == version
