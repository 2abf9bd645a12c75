"""Transactions that the core books, what they add up to, and what is told of a customer's holdings."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from libs.common.domain import InvalidValue
from libs.directory.scope import SystemScope
from services.customer.domain.holdings import next_month, tomorrow
from services.customer.storage.holdings import kinds_of
from services.customer.use_cases.booking import place_waiting_transactions
from services.customer.use_cases.telling import move_flow_windows, tell_holdings
from tests.services.customer.holder import NOW, Holder, sweep


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
    assert kind.rated_average == kind.year_average
    assert kind.overdue == {"0": Decimal(400)}


async def test_an_account_without_a_rate_bears_no_interest_and_counts_for_no_average_of_those_that_do(
    holder: Holder,
) -> None:
    unrated = Holder(holder.customers, holder.database)
    unrated.ref = holder.ref
    await holder.state()
    await unrated.state(rate=None, balance=Decimal(5000))
    customer_id = await holder.id()
    async with holder.database.unit_of_work(SystemScope()) as uow:
        (kind,) = (await kinds_of(uow, [customer_id], date(2026, 3, 10)))[customer_id]
    assert (kind.accounts, kind.balance) == (2, Decimal(5100))
    assert kind.year_average == Decimal("265.4795")  # 19 days of 5100, of 365
    assert kind.rated_average == Decimal("5.2055")  # 19 days of 100
    assert kind.year_interest == Decimal("0.1041")  # two per cent of it


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


async def test_who_began_something_that_leaves_the_longest_window_is_told_of_that_day(holder: Holder) -> None:
    await holder.state()
    await holder.book()
    for days in (10, 20, 60):
        await holder.book(booked_at=NOW + timedelta(days=days), initiated_by="bank")
    for days in (85, 89):
        await sweep(holder.database, move_flow_windows, NOW + timedelta(days=days))
        await sweep(holder.database, tell_holdings, NOW + timedelta(days=days))
    before = await holder.told()
    assert before[-1]["as_of"] == "2026-06-03", "on the second of these days nothing had left"
    assert before[-1]["flows"][-1]["initiated"] == 1
    for days in (90, 100):
        await sweep(holder.database, move_flow_windows, NOW + timedelta(days=days))
        await sweep(holder.database, tell_holdings, NOW + timedelta(days=days))
    (after,) = (await holder.told())[len(before) :]
    assert (after["as_of"], after["flows"][-1]["initiated"]) == ("2026-06-08", 0)
