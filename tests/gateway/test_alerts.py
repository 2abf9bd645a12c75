"""A manager who opens many customers outside the own book is asked about it, once a day."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from gateway.audit.alerts import raise_alerts
from libs.common.clock import day_of, start_of
from libs.common.database import Database
from libs.directory.scope import SystemScope
from tests.conftest import Ground

ALLOWED = 5
NOON = start_of(day_of(datetime.now(UTC))) + timedelta(hours=12)
LATER = timedelta(minutes=1)
DETAIL, LIST = "/api/v1/customers/{customer_id}", "/api/v1/customers"


@pytest.fixture
async def connection(ground: Ground) -> AsyncIterator[asyncpg.Connection]:
    await ground.migrate("gateway", "gateway")
    opened = await asyncpg.connect(ground.url("gateway", "app"))
    yield opened
    await opened.close()


async def manager(connection: asyncpg.Connection, role: str = "manager") -> UUID:
    staff_id = uuid4()
    await connection.execute(
        "INSERT INTO directory.staff (staff_id, version, changed_at, roles, active) VALUES ($1, 1, now(), $2, true)",
        staff_id, [role],
    )  # fmt: skip
    return staff_id


async def opens(
    connection: asyncpg.Connection,
    staff_id: UUID,
    count: int,
    *,
    route: str = DETAIL,
    own: bool = False,
    refused: bool = False,
    at: datetime = NOON,
    terms: tuple[str, ...] = (),
    with_others: int = 0,
) -> None:
    """`with_others` are strangers whom the same entry names."""
    for place in range(count):
        customer_id = uuid4()
        if own:
            values = (customer_id, [staff_id])
            await connection.execute("INSERT INTO directory.assignments VALUES ($1, 1, now(), $2)", *values)
        asked, named = uuid4(), [customer_id, *(uuid4() for _ in range(with_others))]
        for id_, follows, status in [(asked, None, 102), *([(uuid4(), asked, 404)] if refused else [])]:
            await connection.execute(
                "INSERT INTO edge.audit VALUES ($1, $2, $1, $3, 'customer', $4, 'customers:read', 'GET', $5, $7, 'here',"
                " '', NULL, $6, $6, $9, '{}', '', $8)",
                id_, place + 1, at, f"staff {staff_id}", route, named, status, follows, list(terms),
            )  # fmt: skip


async def alerted(
    ground: Ground, connection: asyncpg.Connection, staff_id: UUID, now: datetime = NOON + LATER
) -> list[int]:
    database = Database(ground.url("gateway", "app"), pool=1)
    async with database.unit_of_work(SystemScope()) as uow:
        await raise_alerts(ALLOWED, uow, now)
    await database.close()
    rows = await connection.fetch("SELECT customers FROM edge.audit_alerts WHERE actor = $1", f"staff {staff_id}")
    return [row["customers"] for row in rows]


async def test_more_than_allowed_raises_one_alert_a_day(ground: Ground, connection: asyncpg.Connection) -> None:
    curious = await manager(connection)
    await opens(connection, curious, ALLOWED)
    assert await alerted(ground, connection, curious) == []
    await opens(connection, curious, 1)
    assert await alerted(ground, connection, curious) == [ALLOWED + 1]
    await opens(connection, curious, 3)
    assert await alerted(ground, connection, curious) == [ALLOWED + 1]


@pytest.mark.parametrize(
    "route", ["/api/v1/customers/360:batch", "/api/v1/customers/find-by-document", "/api/v1/reveals"]
)
async def test_whom_a_body_names_counts_too(ground: Ground, connection: asyncpg.Connection, route: str) -> None:
    curious = await manager(connection)
    await opens(connection, curious, ALLOWED + 1, route=route)
    assert await alerted(ground, connection, curious) == [ALLOWED + 1]


async def test_the_own_book_lists_refusals_and_yesterday_do_not_count(
    ground: Ground, connection: asyncpg.Connection
) -> None:
    busy = await manager(connection)
    await opens(connection, busy, ALLOWED + 5, own=True)
    await opens(connection, busy, ALLOWED + 5, route=LIST)
    await opens(connection, busy, ALLOWED + 5, refused=True)
    await opens(connection, busy, ALLOWED + 5, at=NOON - timedelta(days=1))
    assert await alerted(ground, connection, busy) == []


async def test_the_rule_is_for_managers(ground: Ground, connection: asyncpg.Connection) -> None:
    head = await manager(connection, "branch_head")
    await opens(connection, head, ALLOWED + 5)
    assert await alerted(ground, connection, head) == []


async def test_a_list_of_one_customers_is_an_opening_too(ground: Ground, connection: asyncpg.Connection) -> None:
    curious = await manager(connection)
    await opens(connection, curious, ALLOWED + 1, route="/api/v1/accounts", terms=("customer_id=ab12",))
    assert await alerted(ground, connection, curious) == [ALLOWED + 1]


async def test_a_thing_of_several_is_one_opening_and_none_where_one_is_ones_own(
    ground: Ground, connection: asyncpg.Connection
) -> None:
    """As an entry about a joint account names all of its holders."""
    busy, curious = await manager(connection), await manager(connection)
    for staff_id, own in ((busy, True), (curious, False)):
        await opens(connection, staff_id, 1, route="/api/v1/accounts/{account_id}", own=own, with_others=ALLOWED + 5)
        assert await alerted(ground, connection, staff_id) == []
        await opens(connection, staff_id, ALLOWED, route="/api/v1/accounts/{account_id}", own=own, with_others=1)
        assert await alerted(ground, connection, staff_id) == ([] if own else [ALLOWED + 1])


async def test_many_at_once_are_each_an_opening(ground: Ground, connection: asyncpg.Connection) -> None:
    curious = await manager(connection)
    await opens(connection, curious, 1, route="/api/v1/customers/360:batch", own=True, with_others=ALLOWED + 1)
    assert await alerted(ground, connection, curious) == [ALLOWED + 1]


@pytest.mark.parametrize("first", [timedelta(seconds=15), timedelta(hours=1), timedelta(hours=5)])
async def test_a_day_is_told_once_however_late_its_entries_come(
    ground: Ground, connection: asyncpg.Connection, first: timedelta
) -> None:
    curious, midnight = await manager(connection), NOON + timedelta(hours=12)
    await opens(connection, curious, ALLOWED + 1, at=midnight - timedelta(seconds=1))
    assert await alerted(ground, connection, curious, midnight - timedelta(seconds=1)) == []
    for late in (first, first + timedelta(minutes=1), timedelta(hours=8)):
        assert await alerted(ground, connection, curious, midnight + late) == [ALLOWED + 1]
    (row,) = await connection.fetch("SELECT day FROM edge.audit_alerts WHERE actor = $1", f"staff {curious}")
    assert row["day"] == day_of(NOON)
