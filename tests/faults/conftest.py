import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.faults.bank import Bank
from tests.faults.founding import bank_at_work
from tests.faults.settling import is_settled
from tests.polling import until


@pytest.fixture(scope="package")
async def bank(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bank]:
    """The whole system under a load that ends with these tests."""
    async with bank_at_work(tmp_path_factory.mktemp("faults")) as bank:
        await bank.whole_again()
        yield bank


@pytest.fixture(autouse=True)
async def _nobody_is_answered_wrongly(bank: Bank) -> AsyncIterator[None]:
    yield
    assert bank.driver.refused == []
    assert bank.reader.falls == []


@pytest.fixture(scope="package")
async def settled(bank: Bank) -> Bank:
    """Every command answered, every queue drained."""
    await asyncio.wait_for(bank.stories.finish(), 360)
    await until(bank.core_is_heard, "all that the core booked is heard", seconds=300)
    await until(lambda: is_settled(bank.databases), "every queue is drained", seconds=300)
    return bank
