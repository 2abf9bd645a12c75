"""Scores in the database: heard, told, reckoned anew by the day and by a policy."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from libs.common.clock import day_of
from libs.common.database import Database
from services.scoring.use_cases.scoring import score_anew
from tests.services.conftest import Service
from tests.services.scoring.conftest import NOW, TODAY, Swept, hear, score_of, told


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


async def test_contacts_at_a_branch_cost_and_fees_are_income(
    database: Database, officer: httpx.AsyncClient, customer_id: UUID
) -> None:
    await hear(database, told(customer_id, branch_contacts=4, fees=Decimal("80.0000")))
    score = await score_of(officer, customer_id)
    assert (score["branch_contacts"], score["fees"]) == (4, "80.0000")
    amounts = {line["cause"]: line["amount"] for line in score["reasons"]}
    assert (amounts["contact_cost"], amounts["fee_income"]) == ("-60.00", "80.00")
    assert score["contribution"] == "1217.08"  # what it is without them, and 20, less 5 in tax


POLICY: dict[str, Any] = {
    "currency": "CNY", "ftp_deposits": "0.02", "ftp_loans": "0.03", "cost_per_account": "60.00", "lgd": "0.45",
    "pd": {"0": "0.005", "1-30": "0.03", "31-90": "0.15", "90+": "1"}, "tax": "0.25", "capital": "0.105",
    "hurdle": "0.10", "valuable_from": "1000", "high_from": "10000",
}  # fmt: skip


async def test_the_bank_begins_with_the_defaults(connection: asyncpg.Connection) -> None:
    row = await connection.fetchrow("SELECT * FROM contribution_policies ORDER BY effective_from LIMIT 1")
    assert {name: str(row[name]) for name in dict(row) if name not in ("id", "version")} == {
        "effective_from": "2020-01-01", "currency": "CNY", "ftp_deposits": "0.020000", "ftp_loans": "0.030000",
        "cost_per_account": "60.0000", "cost_per_branch_contact": "15.0000", "lgd": "0.450000", "tax": "0.250000",
        "capital": "0.105000", "hurdle": "0.100000", "valuable_from": "1000.0000", "high_from": "10000.0000",
        "pd": '{"0": "0.005", "90+": "1", "1-30": "0.03", "31-90": "0.15"}',
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
    body = POLICY | {
        "effective_from": begins.isoformat(),
        "cost_per_account": "160.00",
        "cost_per_branch_contact": "20",
    }
    made = await scoring.send(admin, "contribution-policies", body)
    assert made.status_code == 201, made.text
    assert (await admin.get(f"/api/v1/contribution-policies/{made.json()['id']}")).json() == made.json()
    assert made.json()["cost_per_branch_contact"] == "20.0000"
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
