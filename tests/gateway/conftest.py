from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from tests.conftest import Ground
from tests.gateway.partner import Partner, partner_of
from tests.gateway.reader import Reader, reader_of


@pytest.fixture(scope="session")
async def webhooks_database(ground: Ground) -> None:
    """A gateway's database that no other test writes to."""
    await ground.migrate("webhooks", "gateway")


@pytest.fixture
async def partner(ground: Ground, webhooks_database: None) -> AsyncIterator[Partner]:  # noqa: ARG001 - it is migrated
    async with partner_of(ground, f"partner-{uuid4()}") as opened:
        yield opened


@pytest.fixture
async def reader(ground: Ground) -> AsyncIterator[Reader]:
    async with reader_of(ground) as opened:
        yield opened
