"""Points: earned in lots, spent from the one that expires first; the ledger is the balance, whoever spends at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guanxi.local.issuer import ISSUER
from libs.common.database import Database
from libs.common.domain import Conflict
from libs.contracts.customer import AccountOpened
from libs.directory.composition import service_database
from libs.directory.scope import SystemScope
from services.marketing.domain.points import EarningRule, Entry, Lot, PointsAccount, end_of_month_after
from services.marketing.event_handlers import on_account_opened
from services.marketing.storage.section import PUBLICATIONS
from services.marketing.use_cases.points import expire_points
from tests.services.conftest import Opened, Service

NOW = datetime(2026, 3, 10, 4, tzinfo=UTC)
TODAY = date(2026, 3, 10)
AT_ONCE = 32

EARN = st.tuples(st.just("earn"), st.integers(1, 500), st.integers(0, 24))
SPEND = st.tuples(st.just("spend"), st.integers(1, 900), st.just(0))
LATER = st.tuples(st.just("expire"), st.integers(0, 400), st.just(0))


@pytest.mark.parametrize(
    ("day", "months", "last"),
    [
        (date(2026, 3, 10), 24, date(2028, 3, 31)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2027, 12, 1), 2, date(2028, 2, 29)),
        (date(2026, 12, 31), 0, date(2026, 12, 31)),
    ],
)
def test_points_last_to_the_end_of_a_month(day: date, months: int, last: date) -> None:
    assert end_of_month_after(day, months) == last


@given(st.lists(st.one_of(EARN, SPEND, LATER), max_size=40))
def test_the_ledger_is_the_balance_whatever_happens(moves: list[tuple[str, int, int]]) -> None:
    account, lots, ledger, today = PointsAccount(id=uuid4(), customer_id=uuid4()), [], [], TODAY
    for move, number, months in moves:
        if move == "earn":
            rule = EarningRule(code="r", points=number, months=months)
            lot, entry = account.earn(rule, uuid4(), today=today, at=NOW)
            lots.append(lot)
            ledger.append(entry)
        elif move == "expire":
            today += timedelta(days=number)
            ledger += account.expire(lots, today=today, at=NOW)
        elif number > account.balance:
            with pytest.raises(Conflict):
                account.spend(number, lots, purpose="p", at=NOW)
        else:
            ledger += account.spend(number, lots, purpose="p", at=NOW)
        assert account.balance == sum(lot.remaining for lot in lots) == sum(entry.points for entry in ledger) >= 0
        assert all(0 <= lot.remaining <= lot.points for lot in lots)
        assert not [lot for lot in lots if move == "expire" and lot.remaining and lot.expires_on < today]
    _each_movement_is_told_once(account, ledger)


def _each_movement_is_told_once(account: PointsAccount, ledger: list[Entry]) -> None:
    told = {sequence: event.balance for _, event, sequence in account.take_events()}  # type: ignore[attr-defined] # all points
    assert sorted(told) == list(range(1, len(told) + 1))
    assert {entry.sequence: entry.balance for entry in ledger} == told


def test_what_expires_first_goes_first() -> None:
    account = PointsAccount(id=uuid4(), customer_id=uuid4())
    rules = [EarningRule(code="r", points=100, months=months) for months in (12, 1, 6)]
    lots = [account.earn(rule, uuid4(), today=TODAY, at=NOW)[0] for rule in rules]
    entries = account.spend(150, lots, purpose="p", at=NOW)
    assert [(entry.lot_id, entry.points, entry.balance) for entry in entries] == [
        (lots[1].id, -100, 200),
        (lots[2].id, -50, 150),
    ]
    assert [lot.remaining for lot in lots] == [100, 0, 50]


@dataclass(frozen=True)
class Saver:
    """A customer with a login, and a teller of their branch."""

    marketing: Service
    database: Database
    customer_id: UUID
    own: httpx.AsyncClient
    teller: httpx.AsyncClient
    connection: asyncpg.Connection

    async def open_account(self, kind: str = "savings", **changed: Any) -> None:
        values = {
            "occurred_at": NOW, "account_id": uuid4(), "customer_id": self.customer_id, "holder_ids": [], "kind": kind,
            "product": "p", "currency": "CNY", "opened_on": TODAY, "balance": Decimal(1), **changed,
        }  # fmt: skip
        async with self.database.unit_of_work(SystemScope()) as uow:
            await on_account_opened(uow, AccountOpened(**values))

    async def expire(self, now: datetime) -> int:
        async with self.database.unit_of_work(SystemScope()) as uow:
            return await expire_points(uow, now)

    async def account(self) -> dict[str, Any]:
        listed = await self.teller.get("/api/v1/points-accounts", params={"customer_id": str(self.customer_id)})
        (account,) = listed.json()["items"]
        return dict(account)

    async def ledger(self) -> list[dict[str, Any]]:
        """Oldest first."""
        entries = await self.teller.get(f"/api/v1/points-accounts/{(await self.account())['id']}/entries")
        assert entries.json() == (await self.own.get("/api/v1/me/points")).json()
        return list(reversed(entries.json()["items"]))

    async def spend(self, points: int, purpose: str = "兑换话费") -> httpx.Response:
        return await self.marketing.send(self.own, "me/points/spend", {"points": points, "purpose": purpose})


@pytest.fixture
async def saver(service: Opened) -> AsyncIterator[Saver]:
    marketing, name, customer_id = await service("marketing"), f"saver-{uuid4()}", uuid4()
    unit = await marketing.know_unit(name)
    await marketing.know_customer(customer_id, unit)
    await marketing.know_staff(f"teller-{name}", ["teller"], [unit])
    bound = "UPDATE directory.customers SET logins = $2 WHERE customer_id = $1"
    await marketing.execute(bound, customer_id, [f"{ISSUER} {name}"])
    database = service_database(marketing.settings, PUBLICATIONS)
    own, teller = marketing.signed_in(name, "customer"), marketing.signed_in(f"teller-{name}", "teller")
    connection = await asyncpg.connect(marketing.settings.dsn)
    yield Saver(marketing, database, customer_id, own, teller, connection)
    await connection.close()
    await database.close()


async def test_an_account_that_is_opened_earns_once(saver: Saver) -> None:
    account_id = uuid4()
    for _ in range(2):
        await saver.open_account(account_id=account_id)
    await saver.open_account("wealth_product")
    assert (await saver.account())["balance"] == 600
    assert [(e["movement"], e["points"], e["balance"], e["expires_on"]) for e in await saver.ledger()] == [
        ("earn", 100, 100, "2028-03-31"),
        ("earn", 500, 600, "2028-03-31"),
    ]


@pytest.mark.parametrize(("kind", "opened_on"), [("loan", TODAY), ("savings", date(2019, 1, 1)), ("savings", None)])
async def test_what_no_rule_names_earns_nothing(saver: Saver, kind: str, opened_on: date | None) -> None:
    await saver.open_account(kind, opened_on=opened_on)
    assert (
        await saver.connection.fetchval(
            "SELECT count(*) FROM points_accounts WHERE customer_id = $1", saver.customer_id
        )
        == 0
    )


async def test_thirty_two_who_spend_at_once_never_overdraw(saver: Saver) -> None:
    await saver.open_account("savings")
    await saver.open_account("term_deposit")
    answers = await asyncio.gather(*[saver.spend(30) for _ in range(AT_ONCE)])
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {200, 409, 503}, [answer.text for answer in answers if answer.status_code >= 500][:1]
    assert all("There are " in answer.text for answer in answers if answer.status_code == 409), "none lost a race"
    assert 2 <= statuses[200] <= 13
    assert statuses[200] == 13 or statuses[503]
    for _ in range(AT_ONCE):  # who was told that the database is busy asks again
        if (await saver.spend(30)).status_code != 200:
            break
    assert (await saver.account())["balance"] == 400 - 13 * 30
    ledger = await saver.ledger()
    assert [entry["balance"] for entry in ledger][-1] == sum(entry["points"] for entry in ledger) == 10
    assert min(entry["balance"] for entry in ledger) >= 0


async def test_too_much_is_refused_with_what_there_is(saver: Saver) -> None:
    await saver.open_account()
    refused = await saver.spend(101)
    assert (refused.status_code, refused.json()["detail"]) == (409, "There are 100 points to spend, and not 101.")
    assert len(await saver.ledger()) == 1


@pytest.mark.parametrize(
    ("body", "field"), [({"points": 0}, "points"), ({"points": 1.5}, "points"), ({"purpose": " "}, "purpose")]
)
async def test_a_spending_that_cannot_be_is_refused_by_its_field(
    saver: Saver, body: dict[str, Any], field: str
) -> None:
    spending = {"points": 1, "purpose": "p"} | body
    refused = await saver.marketing.send(saver.own, "me/points/spend", spending)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)


async def test_what_is_over_expires_once_and_is_told(saver: Saver) -> None:
    await saver.open_account()
    last = datetime(2028, 3, 31, 15, 59, tzinfo=UTC)  # a minute to midnight in Shanghai
    await saver.expire(last)
    assert (await saver.account())["balance"] == 100
    for _ in range(2):
        await saver.expire(last + timedelta(minutes=1))
    assert [(e["movement"], e["points"]) for e in await saver.ledger()] == [("earn", 100), ("expire", -100)]
    told = await saver.connection.fetch("SELECT type FROM outbox WHERE key = $1 ORDER BY id", saver.customer_id)
    assert [row["type"] for row in told] == ["crm.points.earned.v1", "crm.points.expired.v1"]


async def test_what_is_over_cannot_be_spent_though_nobody_swept(saver: Saver) -> None:
    await saver.open_account()
    await saver.open_account("term_deposit")
    over = "UPDATE points_lots SET expires_on = '2026-03-01' WHERE rule = 'savings-opened' AND points_account_id = $1"
    await saver.connection.execute(over, UUID((await saver.account())["id"]))
    refused = await saver.spend(301)
    assert (refused.status_code, "There are 300 points" in refused.text) == (409, True), refused.text
    assert (await saver.spend(300)).json()["balance"] == 0
    moves = [(e["movement"], e["points"]) for e in await saver.ledger()]
    assert moves == [("earn", 100), ("earn", 300), ("expire", -100), ("spend", -300)]


async def test_of_several_rows_of_a_rule_the_newest_counts(saver: Saver) -> None:
    owner = await asyncpg.connect(saver.marketing.ground.url("marketing", "owner"))
    await owner.execute("INSERT INTO earning_rules VALUES ('savings-opened', '2026-02-01', NULL, 'savings', 7, 1)")
    try:
        await saver.open_account()
    finally:
        await owner.execute("DELETE FROM earning_rules WHERE points = 7")
        await owner.close()
    assert (await saver.account())["balance"] == 7


async def test_the_ledger_cannot_be_changed_by_the_app(saver: Saver) -> None:
    for statement in ("UPDATE points_entries SET points = 1", "DELETE FROM points_entries", "TRUNCATE points_entries"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await saver.connection.execute(statement)


async def test_a_balance_below_zero_cannot_be_stored(saver: Saver) -> None:
    await saver.open_account()
    with pytest.raises(asyncpg.CheckViolationError):
        await saver.connection.execute(
            "UPDATE points_accounts SET balance = -1 WHERE customer_id = $1", saver.customer_id
        )


def test_a_lot_is_not_drawn_from_twice() -> None:
    account = PointsAccount(id=uuid4(), customer_id=uuid4())
    lot, _ = account.earn(EarningRule(code="r", points=10, months=1), uuid4(), today=TODAY, at=NOW)
    empty = Lot(
        id=uuid4(), points_account_id=account.id, rule="r", source_id=uuid4(), points=5, remaining=0, expires_on=TODAY
    )
    assert [entry.lot_id for entry in account.spend(10, [empty, lot], purpose="p", at=NOW)] == [lot.id]
