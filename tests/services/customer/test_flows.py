"""Transactions that the core books, what they add up to, and what is told of a customer's holdings."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.common.database import Database
from libs.common.domain import InvalidValue
from libs.directory.scope import SystemScope
from services.customer.domain.account import Statement
from services.customer.domain.holdings import next_month, tomorrow
from services.customer.domain.transaction import Transaction
from services.customer.storage.holdings import kinds_of
from services.customer.storage.section import PUBLICATIONS
from services.customer.use_cases.accounts import Stated, state_accounts
from services.customer.use_cases.booking import book_transactions, place_waiting_transactions
from services.customer.use_cases.telling import move_flow_windows, tell_holdings
from tests.services.conftest import Service

NOW = datetime(2026, 3, 10, 4, tzinfo=UTC)
BOOKED = Transaction(
    source="core",
    transaction_ref="",
    direction="credit",
    amount=Decimal("100.10"),
    currency="CNY",
    booked_at=NOW,
    channel="mobile",
    category="transfer",
    counterparty_bank=None,
    initiated_by="customer",
    reverses=None,
)
STATED = Statement(
    kind="savings",
    product="储蓄",
    currency="CNY",
    unit_code=None,
    opened_on=date(2026, 2, 20),
    closed_on=None,
    status="open",
    limit=None,
    rate=Decimal("0.02"),
    maturity_on=None,
    balance=Decimal(100),
    overdue_days=None,
    sequence=1,
    as_of=datetime(2026, 2, 20, 4, tzinfo=UTC),
)


class Holder:
    """Somebody whom only the core knows, with one account there."""

    def __init__(self, customers: Service, database: Database) -> None:
        self.customers, self.database = customers, database
        self.ref, self.account = str(uuid4()), str(uuid4())

    async def state(
        self, *, now: datetime = NOW, role: str = "owner", co_owner: "Holder | None" = None, **changed: Any
    ) -> None:
        statement = replace(STATED, **changed)
        async with self.database.unit_of_work(SystemScope()) as uow:
            holders: list[Any] = [(self.ref, role), *([(co_owner.ref, "co_owner")] if co_owner else [])]
            await state_accounts(uow, [Stated("core", self.account, holders, statement)], now=now)

    async def book(self, *, now: datetime = NOW, **changed: Any) -> None:
        transaction = replace(BOOKED, **{"transaction_ref": str(uuid4()), **changed})
        async with self.database.unit_of_work(SystemScope()) as uow:
            await book_transactions(uow, [(transaction, self.account)], now=now)

    async def id(self) -> UUID:
        found = "SELECT customer_id FROM source_references WHERE source_id = $1"
        customer_id: UUID = await (await self.customers.connect()).fetchval(found, self.ref)
        return customer_id

    async def flows(self) -> dict[int, tuple[str, str, int, int]]:
        """By the days of the window, as the section shows them."""
        row = await (await self.customers.connect()).fetchrow(PUBLICATIONS[0].query, [await self.id()])
        found = json.loads(row["json_build_object"])["staff"]["flows"]
        return {f["days"]: (f["inflow"], f["outflow"], f["bookings"], f["initiated"]) for f in found}

    async def told(self) -> list[dict[str, Any]]:
        found = "SELECT payload FROM outbox WHERE key = $1 AND type = 'crm.holdings.changed.v1' ORDER BY id"
        rows = await (await self.customers.connect()).fetch(found, await self.id())
        return [json.loads(row["payload"]) for row in rows]

    async def due_at(self) -> datetime:
        found = "SELECT due_at FROM holdings WHERE customer_id = $1"
        due: datetime = await (await self.customers.connect()).fetchval(found, await self.id())
        return due


@pytest.fixture
def holder(customers: Service, database: Database) -> Holder:
    return Holder(customers, database)


async def sweep(database: Database, work: Any, now: datetime) -> None:
    """Until nothing is left: other tests' customers are among them."""
    done = True
    while done:
        async with database.unit_of_work(SystemScope()) as uow:
            done = bool(await work(uow, now))


async def test_what_is_booked_counts_once_in_the_windows_that_it_falls_into(holder: Holder) -> None:
    await holder.state()
    await holder.book(transaction_ref=holder.account)
    await holder.book(transaction_ref=holder.account, amount=Decimal(999))
    await holder.book(direction="debit", amount=Decimal(40), initiated_by="bank")
    await holder.book(booked_at=NOW - timedelta(days=30), amount=Decimal(7))
    await holder.book(booked_at=NOW - timedelta(days=90), amount=Decimal(5000))
    assert await holder.flows() == {30: ("100.1000", "40.0000", 2, 1), 90: ("107.1000", "40.0000", 3, 2)}


async def test_a_reversal_takes_back_what_it_reverses(holder: Holder) -> None:
    await holder.state()
    await holder.book(transaction_ref="wrong " + holder.account)
    await holder.book(direction="debit", reverses="wrong " + holder.account)
    assert await holder.flows() == dict.fromkeys((30, 90), ("0.0000", "0.0000", 0, 0))


async def test_an_amount_that_is_not_positive_or_too_fine_is_refused(holder: Holder) -> None:
    for amount in ("0", "-1", "0.00001"):
        with pytest.raises(InvalidValue) as refused:
            await holder.book(amount=Decimal(amount))
        assert refused.value.field == "amount"


async def test_what_is_booked_before_its_account_is_stated_waits_for_it(holder: Holder) -> None:
    await holder.book(amount=Decimal("1.5"))
    waiting = "SELECT account_number_sealed, account_number_masked FROM transactions WHERE account_id IS NULL"
    connection = await holder.customers.connect()
    (row,) = await connection.fetch(waiting)
    assert holder.account.encode() not in row["account_number_sealed"]
    assert row["account_number_masked"].endswith(holder.account[-4:])
    await sweep(holder.database, place_waiting_transactions, NOW)
    assert len(await connection.fetch(waiting)) == 1
    await holder.state()
    await sweep(holder.database, place_waiting_transactions, NOW)
    assert await connection.fetch(waiting) == []
    assert (await holder.flows())[30] == ("1.5000", "0.0000", 1, 1)


async def test_averages_count_each_balance_for_the_days_that_it_stood(holder: Holder) -> None:
    await holder.state()
    await holder.state(sequence=2, balance=Decimal(400), as_of=datetime(2026, 3, 6, 4, tzinfo=UTC))
    customer_id = await holder.id()
    async with holder.database.unit_of_work(SystemScope()) as uow:
        (kind,) = (await kinds_of(uow, [customer_id], date(2026, 3, 10)))[customer_id]
    assert (kind.kind, kind.currency, kind.accounts, kind.balance) == ("savings", "CNY", 1, Decimal(400))
    assert kind.month_average == Decimal(250)  # five days of 100 and five of 400
    assert kind.last_month_average == Decimal("32.1429")  # nine of 28 days
    assert kind.year_average == Decimal("9.3151")  # 14 days of 100 and five of 400, of 365
    assert kind.year_interest == Decimal("0.1863")
    assert kind.overdue == {"0": Decimal(400)}


async def test_a_closed_account_stands_at_nothing_from_its_last_day_on(holder: Holder) -> None:
    await holder.state()
    closed = {"status": "closed", "closed_on": date(2026, 3, 6), "as_of": datetime(2026, 3, 7, 4, tzinfo=UTC)}
    await holder.state(sequence=2, **closed)
    customer_id = await holder.id()
    async with holder.database.unit_of_work(SystemScope()) as uow:
        (kind,) = (await kinds_of(uow, [customer_id], date(2026, 3, 10)))[customer_id]
    assert (kind.accounts, kind.balance, kind.month_average) == (0, Decimal(0), Decimal(50))


async def test_who_owns_an_account_no_more_is_told_to_hold_less(holder: Holder) -> None:
    other = Holder(holder.customers, holder.database)
    await holder.state(co_owner=other)
    later = NOW + timedelta(seconds=10)
    await sweep(holder.database, tell_holdings, later)
    await holder.state(sequence=2, now=later)
    await sweep(holder.database, tell_holdings, tomorrow(NOW))
    assert [[kind["balance"] for kind in told["kinds"]] for told in await other.told()] == [["100.0000"], []]


async def test_who_becomes_an_owner_sees_what_flowed_before(holder: Holder) -> None:
    other = Holder(holder.customers, holder.database)
    await holder.state()
    await holder.book()
    await holder.book(booked_at=NOW + timedelta(days=9))
    assert await holder.flows() == dict.fromkeys((30, 90), ("100.1000", "0.0000", 1, 1)), "what is booked by now"
    await holder.state(sequence=2, co_owner=other)
    assert await other.flows() == await holder.flows()


async def test_an_authorised_user_holds_nothing(holder: Holder) -> None:
    await holder.state(role="authorised_user")
    await holder.book()
    customer_id = await holder.id()
    async with holder.database.unit_of_work(SystemScope()) as uow:
        assert await kinds_of(uow, [customer_id], date(2026, 3, 10)) == {}
    assert await holder.flows() == {}


async def test_holdings_are_told_once_a_day_and_when_the_month_is_whole(holder: Holder) -> None:
    await holder.state()
    await sweep(holder.database, tell_holdings, NOW)
    assert await holder.told() == [], "more may come in a moment"
    await holder.book()
    later = NOW + timedelta(seconds=10)
    await sweep(holder.database, tell_holdings, later)
    (told,) = await holder.told()
    assert told["as_of"] == "2026-03-10"
    assert told["kinds"][0]["balance"] == "100.0000"
    assert [flow["inflow"] for flow in told["flows"]] == ["100.1000"] * 2
    assert told["last_initiated_on"] == "2026-03-10"
    assert await holder.due_at() == next_month(NOW)
    await holder.book(now=later)
    assert await holder.due_at() == tomorrow(NOW) == datetime(2026, 3, 10, 16, tzinfo=UTC)
    await sweep(holder.database, tell_holdings, later + timedelta(hours=1))
    assert len(await holder.told()) == 1
    await sweep(holder.database, tell_holdings, tomorrow(NOW))
    _, second = await holder.told()
    assert (second["as_of"], second["flows"][0]["inflow"]) == ("2026-03-11", "200.2000")
    versions = "SELECT subject, sequence FROM outbox WHERE key = $1 AND type = 'crm.holdings.changed.v1' ORDER BY id"
    rows = await (await holder.customers.connect()).fetch(versions, await holder.id())
    assert [row["sequence"] for row in rows] == [1, 2]
    assert {row["subject"] for row in rows} & {await holder.id()} == set(), "the customer counts their own events"


async def test_a_day_at_a_branch_is_one_contact_and_fees_are_added_up_for_a_year(holder: Holder) -> None:
    await holder.state()
    for days_ago in (0, 0, 1, 364, 365):
        at = NOW - timedelta(days=days_ago)
        await holder.book(booked_at=at, channel="branch")
        await holder.book(booked_at=at, category="fee", direction="debit", amount=Decimal(20), initiated_by="bank")
    await holder.book(booked_at=NOW - timedelta(days=2), channel="branch", initiated_by="bank")
    await holder.book(booked_at=NOW - timedelta(days=3), reverses="what was booked", channel="branch")
    await holder.book(category="fee", direction="credit", amount=Decimal("5.5"), initiated_by="bank", reverses="a fee")
    await holder.book(category="fee", direction="debit", initiated_by="bank", currency="USD")
    await sweep(holder.database, tell_holdings, NOW + timedelta(seconds=10))
    (told,) = await holder.told()
    assert told["branch_contacts"] == 3, "today, yesterday, and 364 days ago"
    assert told["fees"] == "74.5000", "four of the year, less what was given back"


async def test_two_who_tell_at_once_tell_once(holder: Holder) -> None:
    await holder.state()
    later = NOW + timedelta(seconds=10)

    async def tell() -> None:
        async with holder.database.unit_of_work(SystemScope()) as uow:
            await tell_holdings(uow, later)

    await asyncio.gather(*[tell() for _ in range(4)], *[holder.book(now=later) for _ in range(4)])
    await sweep(holder.database, tell_holdings, later)
    assert len(await holder.told()) == 1
    booked_meanwhile = (await holder.flows())[30]
    await sweep(holder.database, tell_holdings, tomorrow(NOW))
    told = (await holder.told())[-1]["flows"][0]
    assert (told["inflow"], told["outflow"], told["bookings"], told["initiated"]) == booked_meanwhile
    assert booked_meanwhile[2] == 4


async def test_flows_end_today_until_nothing_is_left_in_their_window(holder: Holder) -> None:
    await holder.state()
    await holder.book()
    await sweep(holder.database, move_flow_windows, NOW + timedelta(days=30))
    assert await holder.flows() == {90: ("100.1000", "0.0000", 1, 1)}
    await sweep(holder.database, move_flow_windows, NOW + timedelta(days=90))
    assert await holder.flows() == {}
