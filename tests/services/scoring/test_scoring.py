"""Scores in the database: heard, told, reckoned anew by the day and by a policy, put into fifths."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
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
from services.scoring.use_cases.ranking import RESTS, rank_customers
from services.scoring.use_cases.scoring import score_anew
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
        "flows": [flows], "last_initiated_on": TODAY - timedelta(days=days_ago), **changed,
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


async def test_what_is_heard_is_a_score_whose_reasons_add_up(
    database: Database, officer: httpx.AsyncClient, customer_id: UUID
) -> None:
    await hear(database, told(customer_id))
    score = await score_of(officer, customer_id)
    # (100,000 x 2 % - 360) x 365/360 = 1,662.78; less 60 for the account; less a quarter of 1,602.78 in tax.
    assert {line["cause"]: line["amount"] for line in score["reasons"]} == {
        "deposit_income": "1662.78",
        "operating_cost": "-60.00",
        "tax": "-400.70",
    }
    assert (score["contribution"], score["value_group"]) == ("1202.08", "valuable")
    assert (score["assets"], score["initiated"], score["as_of"]) == ("100000.0000", 3, TODAY.isoformat())


async def test_what_is_older_than_known_changes_nothing(
    database: Database, officer: httpx.AsyncClient, customer_id: UUID
) -> None:
    await hear(database, told(customer_id))
    before = await score_of(officer, customer_id)
    await hear(database, told(customer_id, "5", as_of=TODAY - timedelta(days=1)))
    assert await score_of(officer, customer_id) == before


async def test_a_score_is_told_once_for_each_time_that_it_is_reckoned(
    database: Database, connection: asyncpg.Connection, customer_id: UUID
) -> None:
    for day in (0, 1):
        await hear(database, told(customer_id, as_of=TODAY + timedelta(days=day)))
    rows = await connection.fetch(
        "SELECT o.sequence FROM outbox AS o JOIN scores AS s ON s.id = o.subject"
        " WHERE s.customer_id = $1 AND o.type = 'crm.score.computed.v1' ORDER BY o.id",
        customer_id,
    )
    assert [row["sequence"] for row in rows] == [1, 2]


async def test_who_rests_falls_asleep_though_nothing_is_heard(
    database: Database, officer: httpx.AsyncClient, customer_id: UUID, sweep: Swept
) -> None:
    await hear(database, told(customer_id, days_ago=80))
    await sweep(score_anew, NOW + timedelta(days=9))
    assert (await score_of(officer, customer_id))["value_group"] == "valuable"
    await sweep(score_anew, NOW + timedelta(days=10))
    asleep = await score_of(officer, customer_id)
    assert (asleep["value_group"], asleep["contribution"]) == ("sleeping", "1202.08")
    assert await sweep(score_anew, NOW + timedelta(days=10)) == 0


async def test_the_best_are_champions_and_who_is_alike_is_put_alike(
    scoring: Service, database: Database, officer: httpx.AsyncClient, connection: asyncpg.Connection, sweep: Swept
) -> None:
    unit, nobodies, best = await scoring.know_unit("fifths"), [uuid4() for _ in range(20)], uuid4()
    for each in (*nobodies, best):
        await scoring.know_customer(each, unit)
    for each in nobodies:
        await hear(database, told(each, "0", initiated=0, kinds=[], last_initiated_on=None))
    await hear(database, told(best, "9000000", initiated=900, days_ago=0))
    await connection.execute("DELETE FROM rankings")
    assert await sweep(rank_customers, NOW) > 0
    champion = await score_of(officer, best)
    assert [champion[name] for name in ("recency", "frequency", "monetary", "rfm_name")] == [5, 5, 5, "champion"]
    for each in nobodies:
        nobody = await score_of(officer, each)
        assert [nobody[name] for name in ("recency", "frequency", "monetary", "rfm_name")] == [1, 1, 1, "sleeping"]


async def test_fifths_are_dealt_each_night_and_to_who_is_new_after_some_minutes(
    database: Database, officer: httpx.AsyncClient, connection: asyncpg.Connection, customer_id: UUID, sweep: Swept
) -> None:
    await connection.execute("DELETE FROM rankings")
    await sweep(rank_customers, NOW)
    await hear(database, told(customer_id))
    assert await sweep(rank_customers, NOW + RESTS / 2) == 0
    assert (await score_of(officer, customer_id))["recency"] is None
    assert await sweep(rank_customers, NOW + RESTS) > 0
    assert (await score_of(officer, customer_id))["recency"] is not None
    await connection.execute("UPDATE scores SET monetary = 1 + monetary % 5 WHERE customer_id = $1", customer_id)
    assert await sweep(rank_customers, NOW + 3 * RESTS) == 0
    assert await sweep(rank_customers, NOW + timedelta(days=1)) == 1


async def test_a_move_between_fifths_marks_the_customer(
    database: Database, connection: asyncpg.Connection, customer_id: UUID, sweep: Swept
) -> None:
    await hear(database, told(customer_id))
    await connection.execute("DELETE FROM rankings")
    await connection.execute("DELETE FROM publication_marks WHERE key = $1", customer_id)
    await sweep(rank_customers, NOW)
    assert await connection.fetchval("SELECT count(*) FROM publication_marks WHERE key = $1", customer_id) == 1


POLICY: dict[str, Any] = {
    "currency": "CNY", "ftp_deposits": "0.02", "ftp_loans": "0.03", "cost_per_account": "60.00", "lgd": "0.45",
    "pd": {"0": "0.005", "1-30": "0.03", "31-90": "0.15", "90+": "1"}, "tax": "0.25", "capital": "0.105",
    "hurdle": "0.10", "valuable_from": "1000", "high_from": "10000",
}  # fmt: skip


async def test_a_policy_is_reckoned_by_from_its_day_on(
    scoring: Service,
    database: Database,
    officer: httpx.AsyncClient,
    admin: httpx.AsyncClient,
    customer_id: UUID,
    sweep: Swept,
) -> None:
    await hear(database, told(customer_id))
    begins = day_of(scoring.app.chassis.clock.now()) + timedelta(days=400)
    body = POLICY | {"effective_from": begins.isoformat(), "cost_per_account": "160.00"}
    made = await scoring.send(admin, "contribution-policies", body)
    assert made.status_code == 201, made.text
    assert (await admin.get(f"/api/v1/contribution-policies/{made.json()['id']}")).json() == made.json()
    assert made.json() in (await admin.get("/api/v1/contribution-policies")).json()["items"]
    first = (await score_of(officer, customer_id))["policy_id"]

    midnight = datetime(begins.year, begins.month, begins.day, tzinfo=UTC) - timedelta(hours=8)
    await sweep(score_anew, midnight - timedelta(seconds=1))
    assert (await score_of(officer, customer_id))["policy_id"] == first
    await sweep(score_anew, midnight)
    score = await score_of(officer, customer_id)
    assert score["policy_id"] == made.json()["id"]
    assert [line["amount"] for line in score["reasons"] if line["cause"] == "operating_cost"] == ["-160.00"]
    assert Decimal(score["contribution"]) == sum(Decimal(line["amount"]) for line in score["reasons"])
    await sweep(score_anew, NOW)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"effective_from": date(2020, 1, 2).isoformat()}, "effective_from"),
        ({"high_from": "999"}, "high_from"),
        ({"currency": "yuan"}, "currency"),
        ({"tax": "1.5"}, "tax"),
        ({"pd": {"0": "0.005"}}, "pd"),
        ({"pd": POLICY["pd"] | {"91": "1"}}, "pd"),
        ({"hurdle": None}, "hurdle"),
    ],
)
async def test_a_policy_that_cannot_be_is_refused_by_its_field(
    scoring: Service, admin: httpx.AsyncClient, changed: dict[str, Any], field: str
) -> None:
    begins = day_of(scoring.app.chassis.clock.now()) + timedelta(days=30)
    refused = await scoring.send(
        admin, "contribution-policies", POLICY | {"effective_from": begins.isoformat()} | changed
    )
    assert refused.status_code == 422, refused.text
    assert [error["field"].split(".")[0] for error in refused.json()["errors"]][:1] == [field]


async def test_two_policies_do_not_begin_on_one_day(scoring: Service, admin: httpx.AsyncClient) -> None:
    begins = day_of(scoring.app.chassis.clock.now()) + timedelta(days=500)
    body = POLICY | {"effective_from": begins.isoformat()}
    answers = [await scoring.send(admin, "contribution-policies", body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 409]
