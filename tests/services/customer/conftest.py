"""The customer service, and its database as its worker sees it."""

from collections.abc import AsyncIterator

import pytest

from libs.common.database import Database
from libs.directory.composition import service_database
from services.customer.storage.section import PUBLICATIONS
from tests.services.conftest import Opened, Service
from tests.services.customer.holder import Holder


@pytest.fixture(scope="module")
async def customers(service: Opened) -> Service:
    return await service("customer")


@pytest.fixture(scope="module")
async def database(customers: Service) -> AsyncIterator[Database]:
    made = service_database(customers.settings, PUBLICATIONS)
    yield made
    await made.close()


@pytest.fixture
def holder(customers: Service, database: Database) -> Holder:
    return Holder(customers, database)
