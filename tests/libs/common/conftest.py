from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.conftest import Ground
from tests.libs.common.probe import EVENTS, SECTION, Probe
from tests.libs.common.probe import probe as open_probe


@pytest.fixture(scope="session")
async def probe(ground: Ground) -> AsyncIterator[Probe]:
    async with open_probe(ground) as opened:
        yield opened


@pytest.fixture(scope="session")
async def client(ground: Ground, probe: Probe) -> AsyncIterator[httpx.AsyncClient]:
    token = ground.issuer.token("tester", ["things:read", "things:change", "view:read"])
    async with probe.client(token) as opened:
        yield opened


@pytest.fixture(scope="session", autouse=True)
async def _topics(ground: Ground) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=ground.kafka.bootstrap)
    await admin.start()
    for topic in (EVENTS, SECTION):
        await admin.create_topics([NewTopic(topic.name, 2, 1, topic_configs=topic.config)])
    await admin.close()


@pytest.fixture
async def database(probe: Probe) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(probe.settings.dsn)
    yield connection
    await connection.close()
