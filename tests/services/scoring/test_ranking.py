"""Fifths of all customers: drawn each night and when the bank has doubled, and whoever moved is told of."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from libs.common.database import Database
from libs.directory.scope import SystemScope
from services.scoring.domain.rfm import Fifths
from services.scoring.storage.ranking import RankingRepository
from services.scoring.use_cases.ranking import rank_customers
from tests.services.conftest import Service
from tests.services.scoring.conftest import NOW, TODAY, Swept, hear, score_of, told


async def stands(officer: httpx.AsyncClient, customer_id: UUID) -> list[Any]:
    score = await score_of(officer, customer_id)
    return [score[name] for name in ("recency", "frequency", "monetary", "rfm_name")]


@pytest.fixture
async def alone(connection: asyncpg.Connection) -> None:
    """Nobody else has a score, and no bounds were drawn."""
    await connection.execute("DELETE FROM scores")
    await connection.execute("DELETE FROM rankings")


@pytest.fixture
async def people(scoring: Service, alone: None) -> list[UUID]:  # noqa: ARG001 - they are the only ones
    unit, people = await scoring.know_unit(f"fifths-{uuid4()}"), [uuid4() for _ in range(10)]
    for each in people:
        await scoring.know_customer(each, unit)
    return people


async def test_each_fifth_holds_a_fifth_and_the_best_are_champions(
    database: Database, officer: httpx.AsyncClient, people: list[UUID], sweep: Swept
) -> None:
    for place, each in enumerate(people):
        await hear(database, told(each, str(1000 * place), initiated=place, days_ago=20 - place))
    await sweep(rank_customers, NOW)
    fifths = [await stands(officer, each) for each in people]
    assert [each[:3] for each in fifths] == [[n, n, n] for n in (1, 1, 2, 2, 3, 3, 4, 4, 5, 5)]
    assert (fifths[0][3], fifths[-1][3]) == ("sleeping", "champion")


async def test_who_is_alike_stands_alike(
    database: Database, officer: httpx.AsyncClient, people: list[UUID], sweep: Swept
) -> None:
    for each in people[:9]:
        await hear(database, told(each, "0", initiated=0, kinds=[], last_initiated_on=None))
    await hear(database, told(people[9], "9000000", initiated=900, days_ago=0))
    await sweep(rank_customers, NOW)
    assert await stands(officer, people[9]) == [5, 5, 5, "champion"]
    assert [await stands(officer, each) for each in people[:9]] == [[1, 1, 1, "sleeping"]] * 9


async def test_bounds_are_drawn_each_night_and_when_the_bank_has_doubled(
    database: Database, officer: httpx.AsyncClient, people: list[UUID], connection: asyncpg.Connection, sweep: Swept
) -> None:
    async def drawn_through() -> int:
        await sweep(rank_customers, now)
        return int(await connection.fetchval("SELECT customers FROM rankings"))

    now = NOW
    assert await drawn_through() == 0
    for place, each in enumerate(people[:3]):
        await hear(database, told(each, str(place)))
    assert (await drawn_through(), (await stands(officer, people[2]))[2]) == (3, 4)
    await hear(database, told(people[3], "900"))
    assert (await drawn_through(), (await stands(officer, people[3]))[2]) == (3, 5), (
        "placed by the bounds that are there"
    )
    assert (await stands(officer, people[2]))[2] == 4
    now += timedelta(days=1)
    assert (await drawn_through(), (await stands(officer, people[2]))[2]) == (4, 3)
    assert await sweep(rank_customers, now) == 0


async def test_a_move_between_fifths_marks_the_customer_alone(
    database: Database, people: list[UUID], connection: asyncpg.Connection, sweep: Swept
) -> None:
    for place, each in enumerate(people):
        await hear(database, told(each, str(place)))
    await sweep(rank_customers, NOW)
    await connection.execute("UPDATE scores SET monetary = 1 WHERE customer_id = $1", people[9])
    await connection.execute("DELETE FROM publication_marks")
    assert await sweep(rank_customers, NOW + timedelta(days=1)) == 10
    marked = await connection.fetch("SELECT key FROM publication_marks")
    assert [row["key"] for row in marked] == [people[9]]


async def test_who_is_reckoned_anew_meanwhile_is_not_moved_by_what_was_read_before(
    database: Database, officer: httpx.AsyncClient, people: list[UUID], sweep: Swept
) -> None:
    for place, each in enumerate(people):
        await hear(database, told(each, str(place)))
    await sweep(rank_customers, NOW)
    async with database.unit_of_work(SystemScope()) as uow:
        ranking = RankingRepository(uow)
        await ranking.draw(NOW)
        (read,) = [row for row in await ranking.next_to_place(100) if row.customer_id == people[0]]
        await hear(database, told(people[0], "900000", as_of=TODAY + timedelta(days=1)))
        await ranking.move([(read.id, read.version, Fifths(recency=1, frequency=1, monetary=1))])
    assert (await stands(officer, people[0]))[2] == 5


async def test_more_than_one_batch_is_placed(
    database: Database, officer: httpx.AsyncClient, people: list[UUID], sweep: Swept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.scoring.use_cases.ranking.AT_ONCE", 3)
    for place, each in enumerate(people):
        await hear(database, told(each, str(place)))
    assert await sweep(rank_customers, NOW) == 10
    assert [(await stands(officer, each))[2] for each in people] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
