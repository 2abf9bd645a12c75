"""A scoring service, who may look at it, and what it is told of a customer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from libs.common.clock import day_of
from libs.common.database import Database, UnitOfWork
from libs.contracts.customer import Flows, HoldingsChanged, KindOfHolding
from libs.directory.composition import service_database
from libs.directory.scope import SystemScope
from services.scoring.event_handlers import on_holdings_changed
from services.scoring.storage.section import PUBLICATIONS
from tests.services.conftest import Opened, Service

NOW = datetime(2026, 3, 2, 3, tzinfo=UTC)
TODAY = day_of(NOW)


@pytest.fixture(scope="module")
async def scoring(service: Opened) -> Service:
    return await service("scoring")


@pytest.fixture(scope="module")
async def database(scoring: Service) -> AsyncIterator[Database]:
    made = service_database(scoring.settings, PUBLICATIONS)
    yield made
    await made.close()


@pytest.fixture(scope="module")
async def connection(scoring: Service) -> asyncpg.Connection:
    return await scoring.connect()


@pytest.fixture(scope="module")
async def officer(scoring: Service) -> httpx.AsyncClient:
    """Compliance sees every customer's score."""
    await scoring.know_staff("score-officer", ["compliance"], [await scoring.know_unit("s1")])
    return scoring.signed_in("score-officer", "compliance")


@pytest.fixture(scope="module")
async def admin(scoring: Service) -> httpx.AsyncClient:
    await scoring.know_staff("score-admin", ["admin"], [await scoring.know_unit("s2")])
    return scoring.signed_in("score-admin", "admin")


Swept = Callable[[Callable[[UnitOfWork, datetime], Awaitable[int]], datetime], Awaitable[int]]


@pytest.fixture(scope="module")
def sweep(database: Database) -> Swept:
    """Do one sweep of a schedule, at a time, until nothing is left to do."""

    async def until_done(schedule: Callable[[UnitOfWork, datetime], Awaitable[int]], now: datetime) -> int:
        done = 0
        while True:
            async with database.unit_of_work(SystemScope()) as uow:
                moved = await schedule(uow, now)
            done += moved
            if not moved:
                return done

    return until_done


@pytest.fixture
async def customer_id(scoring: Service) -> UUID:
    customer_id = uuid4()
    await scoring.know_customer(customer_id, await scoring.know_unit(f"s{customer_id.hex[:6]}"))
    return customer_id


def told(customer_id: UUID, average: str = "100000", *, initiated: int = 3, days_ago: int = 1, **changed: Any) -> Any:
    savings = KindOfHolding(
        kind="savings",
        currency="CNY",
        accounts=1,
        balance=Decimal(average),
        month_average=Decimal(average),
        last_month_average=Decimal(average),
        year_average=Decimal(average),
        year_interest=Decimal("360.00"),
        overdue={"0": Decimal(average)},
        rated_average=Decimal(average),
    )
    flows = Flows(
        currency="CNY",
        days=90,
        until=TODAY,
        inflow=Decimal(0),
        outflow=Decimal(0),
        bookings=initiated,
        initiated=initiated,
    )
    values = {
        "occurred_at": NOW, "customer_id": customer_id, "holdings_id": uuid4(), "as_of": TODAY, "kinds": [savings],
        "flows": [flows], "last_initiated_on": TODAY - timedelta(days=days_ago), "assets": Decimal(average).quantize(Decimal("0.0001")),
        "last_month_assets": Decimal(0), **changed,
    }  # fmt: skip
    return HoldingsChanged(**values)


async def hear(database: Database, event: HoldingsChanged) -> None:
    async with database.unit_of_work(SystemScope()) as uow:
        await on_holdings_changed(uow, event)


async def score_of(officer: httpx.AsyncClient, customer_id: UUID) -> dict[str, Any]:
    listed = await officer.get("/api/v1/scores", params={"customer_id": str(customer_id)})
    (score,) = listed.json()["items"]
    read = await officer.get(f"/api/v1/scores/{score['id']}")
    assert (read.status_code, read.json()) == (200, score)
    return dict(score)
