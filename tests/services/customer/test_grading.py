"""Grades: up at once, down after months in a row below, reviewed once a month by what was owned on average."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from libs.common.database import Database
from libs.contracts.customer import KindOfHolding
from libs.directory.scope import SystemScope
from services.customer.domain.customer import Customer, Kind
from services.customer.domain.grading import Ladder, Rung, assets_in
from services.customer.storage.grades import GradeRepository
from services.customer.use_cases.grading import review_grades
from tests.services.conftest import Service

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
LADDER = Ladder(
    [
        Rung(code="gold", min_assets=Decimal(200_000), grace_months=3),
        Rung(code="mass", min_assets=Decimal(0), grace_months=3),
        Rung(code="private", min_assets=Decimal(6_000_000), grace_months=6),
        Rung(code="silver", min_assets=Decimal(50_000), grace_months=3),
    ]
)


@pytest.mark.parametrize(
    ("assets", "grade"),
    [
        ("-5", "mass"), ("0", "mass"), ("49999.9999", "mass"), ("50000", "silver"), ("199999", "silver"),
        ("200000", "gold"), ("5999999.99", "gold"), ("6000000", "private"),
    ],
)  # fmt: skip
def test_a_grade_begins_at_its_amount(assets: str, grade: str) -> None:
    assert LADDER.grade_of(Decimal(assets)) == grade


def reviewed(*assets: int, grade: str | None = None) -> tuple[Customer, list[str]]:
    """Month after month; returns the customer, and what was told."""
    customer = Customer(id=uuid4(), kind=Kind.PERSON, name="张伟", registered_at=NOW, grade=grade)
    for amount in assets:
        customer.review_grade(LADDER, Decimal(amount), at=NOW)
    return customer, [event.type.split(".")[2] for _, event, _ in customer.take_events()]


@pytest.mark.parametrize(
    ("grade", "assets", "ends_as", "told"),
    [
        (None, [10], "mass", ["upgraded"]),
        (None, [300_000], "gold", ["upgraded"]),
        ("mass", [300_000], "gold", ["upgraded"]),
        ("gold", [300_000, 250_000], "gold", []),
        ("gold", [60_000], "gold", ["watched"]),
        ("gold", [60_000, 60_000], "gold", ["watched", "watched"]),
        ("gold", [60_000, 60_000, 10], "mass", ["watched", "watched", "downgraded"]),
        ("gold", [60_000, 60_000, 200_000, 60_000], "gold", ["watched", "watched", "watched"]),
        ("gold", [60_000, 60_000, 7_000_000], "private", ["watched", "watched", "upgraded"]),
        ("private", [1] * 5, "private", ["watched"] * 5),
        ("private", [1] * 6, "mass", [*["watched"] * 5, "downgraded"]),
        ("abolished", [60_000], "silver", ["upgraded"]),
    ],
)
def test_up_at_once_and_down_slowly(grade: str | None, assets: Sequence[int], ends_as: str, told: list[str]) -> None:
    customer, events = reviewed(*assets, grade=grade)
    assert (customer.grade, events) == (ends_as, told)


@given(st.lists(st.integers(0, 10_000_000), min_size=1, max_size=24))
def test_nobody_stands_below_what_they_own(assets: list[int]) -> None:
    customer, _ = reviewed(*assets)
    assert customer.grade is not None
    assert LADDER.height(customer.grade) >= LADDER.height(LADDER.grade_of(Decimal(assets[-1])))


def test_what_is_owed_or_held_in_another_currency_is_no_asset() -> None:
    def held(kind: str, currency: str) -> KindOfHolding:
        return KindOfHolding(
            kind=kind,  # type: ignore[arg-type] # words of the test's own
            currency=currency,
            accounts=1,
            balance=Decimal(0),
            month_average=Decimal(7),
            last_month_average=Decimal(5),
            year_average=Decimal(0),
            year_interest=Decimal(0),
            overdue={},
        )

    kinds = [held("savings", "CNY"), held("fund", "CNY"), held("loan", "CNY"), held("savings", "USD")]
    assert (assets_in(kinds), assets_in(kinds, last_month=True)) == (14, 10)


@pytest.fixture(scope="module")
async def connection(customers: Service) -> asyncpg.Connection:
    return await customers.connect()


async def owner_of(connection: asyncpg.Connection, balance: int, *, told: bool = True, kind: str = "person") -> UUID:
    """With so much on an account since long ago."""
    owner, account = uuid4(), uuid4()
    await connection.execute(
        "INSERT INTO customers (id, version, kind, name, name_folded, name_grams, status, logins, registered_at)"
        " VALUES ($1, 1, $2, '张伟', '张伟', '{}', 'active', '{}', now())",
        owner, kind,
    )  # fmt: skip
    await connection.execute(
        "INSERT INTO accounts (id, version, origin, source, kind, product, currency, status, sequence, as_of,"
        " main_holder_id, balance) VALUES ($1, 1, 'core', 'core', 'savings', 'p', 'CNY', 'open', 1, now(), $2, $3)",
        account, owner, balance,
    )  # fmt: skip
    await connection.execute("INSERT INTO account_holders VALUES ($1, $2, 'owner')", account, owner)
    await connection.execute("INSERT INTO daily_balances VALUES ($1, '2020-01-01', $2)", account, balance)
    if told:
        row = "INSERT INTO holdings (customer_id, id, version, told_on, grade_due_at) VALUES ($1, $2, 1, '2020-01-01', $3)"
        await connection.execute(row, owner, uuid4(), NOW)
    return owner


async def review(database: Database, now: datetime) -> None:
    for _ in range(50):
        async with database.unit_of_work(SystemScope()) as uow:
            if not await review_grades(uow, now):
                return
    raise AssertionError("it never ends")


async def grade_of(connection: asyncpg.Connection, customer_id: UUID) -> str | None:
    grade: str | None = await connection.fetchval("SELECT grade FROM customers WHERE id = $1", customer_id)
    return grade


async def test_a_grade_is_reviewed_once_a_month_and_told(database: Database, connection: asyncpg.Connection) -> None:
    """900,000 from the 16th of March on: 250,000 on February's average, about 585,000 on March's."""
    owner = await owner_of(connection, 250_000)
    more = (
        "INSERT INTO daily_balances SELECT account_id, '2026-03-16', 900000 FROM account_holders WHERE customer_id = $1"
    )
    await connection.execute(more, owner)
    for day in (2, 2, 31):
        await review(database, NOW.replace(day=day))
    assert await grade_of(connection, owner) == "gold", "once a month"
    await review(database, datetime(2026, 3, 31, 16, tzinfo=UTC))
    assert await grade_of(connection, owner) == "gold", "the month has begun in Shanghai, and rests a day"
    await review(database, datetime(2026, 4, 1, 16, tzinfo=UTC))
    assert await grade_of(connection, owner) == "platinum", "by the whole month before"
    rows = await connection.fetch("SELECT type, sequence, payload FROM outbox WHERE subject = $1 ORDER BY id", owner)
    assert [(row["type"], row["sequence"]) for row in rows] == [
        ("crm.customer_grade.upgraded.v1", 2),
        ("crm.customer_grade.upgraded.v1", 3),
    ]
    assert json.loads(rows[1]["payload"])["assets"] == "585483.8710"


async def test_of_several_rows_of_a_grade_the_newest_counts(database: Database) -> None:
    async with database.unit_of_work(SystemScope()) as uow:
        await uow.session.execute(
            text("INSERT INTO grade_rungs VALUES ('gold', '2025-01-01', '2025-02-01', 300000, 5)")
        )
        before = await GradeRepository(uow).ladder(date(2025, 1, 15))
        after = await GradeRepository(uow).ladder(date(2025, 2, 1))
        await uow.session.execute(text("DELETE FROM grade_rungs WHERE effective_from = '2025-01-01'"))
    assert (before.grade_of(Decimal(250_000)), before.grace_months("gold")) == ("silver", 5)
    assert (after.grade_of(Decimal(250_000)), after.grace_months("gold")) == ("gold", 3)


async def test_who_is_no_person_or_holds_what_is_not_told_yet_has_no_grade(
    database: Database, connection: asyncpg.Connection
) -> None:
    firm = await owner_of(connection, 9_000_000, kind="organisation")
    newcomer = await owner_of(connection, 9_000_000, told=False)
    await review(database, NOW)
    assert (await grade_of(connection, firm), await grade_of(connection, newcomer)) == (None, None)
