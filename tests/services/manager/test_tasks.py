"""Tasks: given by a person or by what happens, done once, told when their time has come."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from libs.common.database import Database, Heard
from libs.common.domain import Conflict, DomainEvent, InvalidValue
from libs.contracts.complaints import ComplaintReceived
from libs.contracts.customer import CustomerGradeUpgraded, CustomerGradeWatched
from libs.directory.composition import service_database
from libs.directory.scope import SystemScope
from services.manager.domain.task import Occasion, Task
from services.manager.event_handlers import SUBSCRIPTION
from services.manager.storage.section import PUBLICATIONS
from services.manager.use_cases.tasking import give_waiting_tasks, let_tasks_fall_due
from tests.services.conftest import Opened, Service

NOW = datetime.now(UTC)


def task(**changed: Any) -> Task:
    values = {
        "id": uuid4(), "customer_id": uuid4(), "staff_id": uuid4(), "kind": "call_back",
        "due_at": NOW + timedelta(days=1), "opened_at": NOW, **changed,
    }  # fmt: skip
    return Task(**values)


def test_a_task_ends_once() -> None:
    for first in ("complete", "cancel"):
        for second in ("complete", "cancel"):
            ended = task()
            getattr(ended, first)("done", at=NOW)
            with pytest.raises(Conflict):
                getattr(ended, second)("again", at=NOW)
            assert len(ended.take_events()) == 1


@pytest.mark.parametrize(("late", "on_time"), [(0, True), (1, False)])
def test_what_is_done_at_its_time_is_on_time(late: int, *, on_time: bool) -> None:
    done = task()
    done.complete("done", at=done.due_at + timedelta(microseconds=late))
    ((_, event, _),) = done.take_events()
    assert event.on_time is on_time  # type: ignore[attr-defined] # it is the one there is


def test_a_task_is_due_at_a_time_to_come() -> None:
    with pytest.raises(InvalidValue):
        task(due_at=NOW).open()


def test_a_day_is_a_whole_day_in_shanghai() -> None:
    occasion = Occasion(rule="complaint_received", kind="k", days=1)
    evening = datetime(2026, 3, 2, 15, 59, tzinfo=UTC)  # a minute to midnight there
    assert occasion.due_at(evening) == datetime(2026, 3, 3, 16, tzinfo=UTC)
    assert occasion.due_at(evening + timedelta(minutes=1)) == datetime(2026, 3, 4, 16, tzinfo=UTC)


@dataclass(frozen=True)
class Desk:
    """A manager, who looks after one customer."""

    service: Service
    database: Database
    connection: asyncpg.Connection
    staff_id: UUID
    customer_id: UUID
    manager: httpx.AsyncClient

    async def hear(self, event: DomainEvent, event_id: UUID | None = None) -> None:
        async with self.database.unit_of_work(SystemScope()) as uow:
            uow.heard = Heard(event_id or uuid4(), "x", 1)
            await SUBSCRIPTION.types[event.type][1](uow, event)

    async def sweep(self, now: datetime) -> None:
        async with self.database.unit_of_work(SystemScope()) as uow:
            await let_tasks_fall_due(uow, now)

    async def give_waiting(self, now: datetime = NOW) -> None:
        async with self.database.unit_of_work(SystemScope()) as uow:
            await give_waiting_tasks(uow, now)

    async def tasks(self, **wanted: str) -> list[dict[str, Any]]:
        listed = await self.manager.get("/api/v1/tasks", params={"customer_id": str(self.customer_id), **wanted})
        return list(listed.json()["items"])

    async def told(self, task_id: str) -> list[str]:
        rows = await self.connection.fetch("SELECT type FROM outbox WHERE subject = $1 ORDER BY id", UUID(task_id))
        return [row["type"].split(".")[2] for row in rows]

    async def give(self, **changed: Any) -> httpx.Response:
        body = {
            "customer_id": str(self.customer_id), "staff_id": str(self.staff_id), "kind": "call_back",
            "note": "请在下午致电。", "due_at": (NOW + timedelta(days=2)).isoformat(), **changed,
        }  # fmt: skip
        return await self.service.send(self.manager, "tasks", body)


@pytest.fixture
async def desk(service: Opened) -> AsyncIterator[Desk]:
    opened, name, customer_id = await service("manager"), str(uuid4()), uuid4()
    unit = await opened.know_unit(name)
    staff_id = await opened.know_staff(name, ["manager"], [unit])
    await opened.know_customer(customer_id, unit)
    connection = await asyncpg.connect(opened.settings.dsn)
    await connection.execute(
        "INSERT INTO staff VALUES ($1, 1, $2, 'Li', $3, '{manager}', '{}', now(), NULL)", staff_id, name, [unit]
    )
    await connection.execute(
        "INSERT INTO assignments VALUES ($1, 1, $2, $3, 'retail', 'main', 'smallest_book', NULL, now())",
        uuid4(), customer_id, staff_id,
    )  # fmt: skip
    await connection.execute(
        "INSERT INTO directory.assignments VALUES ($1, 1, now(), $2, '{}')", customer_id, [staff_id]
    )
    database = service_database(opened.settings, PUBLICATIONS)
    yield Desk(opened, database, connection, staff_id, customer_id, opened.signed_in(name, "manager"))
    await connection.close()
    await database.close()


def received(desk: Desk, at: datetime = NOW) -> ComplaintReceived:
    return ComplaintReceived(
        occurred_at=at, complaint_id=uuid4(), customer_id=desk.customer_id, number="C1", channel="phone",
        business="b", cause="c", reply_due_at=at,
    )  # fmt: skip


async def test_a_task_that_is_given_is_done_once(desk: Desk) -> None:
    made = await desk.give()
    assert made.status_code == 201, made.text
    given = made.json()
    assert (await desk.manager.get(f"/api/v1/tasks/{given['id']}")).json() == given
    path, body = f"tasks/{given['id']}/complete", {"outcome": "已致电并道歉。"}
    answers = await asyncio.gather(*[desk.service.send(desk.manager, path, body, given["version"]) for _ in range(6)])
    assert [answer.status_code for answer in answers].count(200) == 1
    (done,) = await desk.tasks()
    assert (done["status"], done["outcome"]) == ("completed", "已致电并道歉。")
    assert await desk.told(given["id"]) == ["opened", "completed"]
    assert await desk.tasks(status="open") == []


async def test_a_task_is_cancelled_for_a_reason(desk: Desk) -> None:
    given = (await desk.give()).json()
    cancelled = await desk.service.send(desk.manager, f"tasks/{given['id']}/cancel", {"reason": "moved"}, 1)
    assert (cancelled.json()["status"], cancelled.json()["outcome"]) == ("cancelled", "moved")


async def test_what_is_not_done_is_told_of_once_when_its_time_has_come(desk: Desk) -> None:
    late, done = (await desk.give()).json(), (await desk.give()).json()
    await desk.service.send(desk.manager, f"tasks/{done['id']}/complete", {"outcome": "o"}, done["version"])
    await desk.sweep(NOW + timedelta(days=1))
    assert await desk.told(late["id"]) == ["opened"]
    for days in (2, 3):
        await asyncio.gather(*[desk.sweep(NOW + timedelta(days=days)) for _ in range(4)])
    assert await desk.told(late["id"]) == ["opened", "fell_due"]
    assert await desk.told(done["id"]) == ["opened", "completed"]
    before = (NOW + timedelta(days=3)).isoformat()
    assert [each["id"] for each in await desk.tasks(status="open", due_before=before)] == [late["id"]]
    assert await desk.tasks(due_before=NOW.isoformat()) == []


async def test_a_complaint_gives_the_main_manager_a_call_once(desk: Desk) -> None:
    event = received(desk)
    for _ in range(2):
        await desk.hear(event)
    (opened,) = await desk.tasks()
    assert (opened["kind"], opened["rule"], opened["staff_id"]) == (
        "call_back",
        "complaint_received",
        str(desk.staff_id),
    )
    assert await desk.told(opened["id"]) == ["opened"]
    await desk.hear(received(desk))
    assert len(await desk.tasks()) == 2


async def test_a_grade_that_moves_gives_something_to_do_each_time(desk: Desk) -> None:
    told = {"occurred_at": NOW, "customer_id": desk.customer_id, "grade": "gold", "assets": 1}
    first = CustomerGradeUpgraded(**told, former=None)
    again = CustomerGradeUpgraded(**told, former="silver")
    watched = CustomerGradeWatched(**told, months_left=2)
    event_id = uuid4()
    await desk.hear(first)
    for _ in range(2):
        await desk.hear(watched, event_id)
    await desk.hear(watched)
    await desk.hear(again)
    assert sorted(each["kind"] for each in await desk.tasks()) == ["welcome_up", "win_back", "win_back"]


async def test_what_is_heard_long_after_opens_nothing(desk: Desk) -> None:
    await desk.hear(received(desk, NOW - timedelta(days=3)))
    assert await desk.tasks() == []


NOT_ASSIGNED = (
    "UPDATE assignments SET ended_at = now() WHERE staff_id = $1",
    "UPDATE assignments SET ended_at = NULL WHERE staff_id = $1",
)
LEFT = ("UPDATE staff SET left_at = now() WHERE id = $1", "UPDATE staff SET left_at = NULL WHERE id = $1")


@pytest.mark.parametrize(("gone", "there"), [NOT_ASSIGNED, LEFT], ids=["not assigned", "left"])
async def test_where_nobody_is_main_manager_a_task_waits_for_whoever_becomes_it(
    desk: Desk, gone: str, there: str
) -> None:
    event = received(desk)
    await desk.connection.execute(gone, desk.staff_id)
    for _ in range(2):
        await desk.hear(event)
        await desk.give_waiting()
    assert await desk.tasks() == []
    await desk.connection.execute(there, desk.staff_id)
    await asyncio.gather(*[desk.give_waiting() for _ in range(4)])
    (opened,) = await desk.tasks()
    assert (opened["rule"], opened["staff_id"]) == ("complaint_received", str(desk.staff_id))
    assert datetime.fromisoformat(opened["opened_at"]) == event.occurred_at
    assert await desk.told(opened["id"]) == ["opened"]
    await desk.hear(event)
    await desk.give_waiting()
    assert len(await desk.tasks()) == 1


async def test_what_waits_until_it_is_due_is_given_to_nobody(desk: Desk) -> None:
    await desk.connection.execute(NOT_ASSIGNED[0], desk.staff_id)
    await desk.hear(received(desk))
    await desk.give_waiting(NOW + timedelta(days=3))
    await desk.connection.execute(NOT_ASSIGNED[1], desk.staff_id)
    await desk.give_waiting()
    assert await desk.tasks() == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"due_at": "2020-01-01T00:00:00Z"}, "due_at"),
        ({"due_at": "2020-01-01"}, "due_at"),
        ({"staff_id": str(uuid4())}, "staff_id"),
        ({"kind": "call back"}, "kind"),
        ({"note": ""}, "note"),
    ],
)
async def test_a_task_that_cannot_be_is_refused_by_its_field(desk: Desk, changed: dict[str, Any], field: str) -> None:
    refused = await desk.give(**changed)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field), refused.text
