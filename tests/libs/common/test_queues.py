from uuid import uuid4

import asyncpg
from prometheus_client import REGISTRY

from libs.common.queues import Queues
from tests.libs.common.probe import Probe

HEARD = "INSERT INTO consumer_progress (topic, partition, caught_up_at) VALUES ($1, 0, now() - interval '1 hour')"


def age_of(topic: str) -> float:
    return REGISTRY.get_sample_value("guanxi_consumer_age_seconds", {"topic": topic}) or 0.0


async def test_a_topic_that_is_heard_no_more_ages_no_more(probe: Probe) -> None:
    heard, former = f"heard {uuid4()}", f"former {uuid4()}"
    connection = await asyncpg.connect(probe.settings.dsn)
    try:
        for topic in (heard, former):
            await connection.execute(HEARD, topic)
        await Queues(probe.settings.dsn, {}, hears=[heard]).measure(connection)
    finally:
        await connection.close()
    assert age_of(heard) >= 3600
    assert age_of(former) == 0
