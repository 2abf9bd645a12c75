"""What befalls a bank at work. What befalls each app befalls all of them together, each at a moment of its own."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import pytest

from guanxi.local.settings import APPS
from guanxi.local.stack import SERVICES
from tests.faults.bank import IN_FLIGHT, Bank, Strike

FROZEN_SECONDS = 5.5

pytestmark = [pytest.mark.deep, pytest.mark.kills]


Befall = Callable[[str], Coroutine[Any, Any, Strike]]


async def together(befall: Befall, apps: Iterable[str] = SERVICES) -> list[Strike]:
    """Returns when each was hit; enough was under way at that moment. Where one fails, the others end with it."""
    async with asyncio.TaskGroup() as group:
        befalling = [group.create_task(befall(app)) for app in apps]
    strikes = [task.result() for task in befalling]
    assert all(strike.in_flight >= IN_FLIGHT for strike in strikes)
    return strikes


async def test_one_of_the_serving_of_each_app_is_killed_and_comes_back(bank: Bank) -> None:
    async def befall(app: str) -> Strike:
        victim, other = bank.serving(app)
        strike = await bank.strike(victim.pid, asked=None if app == "gateway" else app)
        await bank.comes_back(victim)
        assert bank.running(other.name) == other
        return strike

    await together(befall, APPS)
    await bank.whole_again()


@pytest.mark.parametrize("apps", [SERVICES, ["gateway"]], ids=["services", "gateway"])
async def test_all_of_the_serving_are_killed_and_come_back_and_their_clients_notice(
    bank: Bank, apps: Iterable[str]
) -> None:
    async def befall(app: str) -> Strike:
        victims, service = bank.serving(app), None if app == "gateway" else app
        strike = await bank.strike(*(victim.pid for victim in victims), asked=service)
        for victim in victims:
            await bank.comes_back(victim)
        assert bank.driver.troubled(strike.at, by=service), app
        return strike

    await together(befall, apps)
    await bank.whole_again()


async def test_killed_leaders_are_succeeded_by_their_stand_bys(bank: Bank) -> None:
    async def befall(app: str) -> Strike:
        victim = await bank.some_leader(app)
        strike = await bank.strike(victim.pid)
        successor = await bank.successor(victim)
        await bank.comes_back(victim)
        assert successor.name != victim.name
        return strike

    for strike in await together(befall):
        await bank.outage_is_seen(strike)
    await bank.whole_again()


async def test_killed_stand_bys_come_back_and_the_leaders_stay(bank: Bank) -> None:
    async def befall(app: str) -> Strike:
        leader = await bank.some_leader(app)
        victim = next(worker for worker in bank.workers(app) if worker != leader)
        strike = await bank.strike(victim.pid)
        await bank.comes_back(victim)
        assert await bank.leader(app) == leader
        return strike

    for strike in await together(befall):
        await bank.outage_is_seen(strike)
    await bank.whole_again()


async def test_a_killed_projector_is_replaced_by_the_other(bank: Bank) -> None:
    victim = bank.workers("gateway")[0]
    strike = await bank.strike(victim.pid)
    await bank.comes_back(victim)
    assert strike.in_flight >= IN_FLIGHT
    await bank.outage_is_seen(strike)
    await bank.whole_again()


async def test_while_kafka_is_away_commands_are_answered_and_the_view_stands_still(bank: Bank) -> None:
    kafka = bank.stack.kafka
    strike = await bank.strike(kafka.process)
    await kafka.ended()
    try:
        await bank.outbox_grows(100)
        newest, answered = await bank.newest_in_view(), len(bank.driver.ledger.customers)
        await bank.outbox_grows(50)
        assert strike.in_flight >= IN_FLIGHT
        assert await bank.newest_in_view() == newest
        assert len(bank.driver.ledger.customers) > answered
    finally:
        await kafka.start()
    await bank.outage_is_seen(strike)
    await bank.whole_again()


async def test_a_killed_postmaster_is_started_again_over_the_same_data(bank: Bank) -> None:
    postgres = bank.stack.postgres
    strike = await bank.strike(postgres.process)
    await postgres.ended()
    await postgres.start()
    await bank.whole_again()
    assert strike.in_flight >= IN_FLIGHT
    assert bank.driver.troubled(strike.at)


async def test_a_killed_session_of_any_app_takes_all_sessions_with_it_and_they_come_back(bank: Bank) -> None:
    postmaster = bank.stack.postgres.process
    for app in APPS:
        strike = await bank.strike(await bank.session_of(app))
        assert strike.in_flight >= IN_FLIGHT
        await bank.clients_are_troubled(strike)
    await bank.whole_again()
    assert bank.stack.postgres.process == postmaster


async def test_frozen_leaders_are_succeeded_and_do_not_lead_when_they_wake(bank: Bank) -> None:
    succeeded = {}

    async def befall(app: str) -> Strike:
        leader = await bank.some_leader(app)
        with bank.waking(leader.pid):
            strike = await bank.strike(leader.pid, number=signal.SIGSTOP)
            succeeded[leader] = await bank.successor(leader)
            await bank.everything_so_far_is_published(app)
            await bank.frozen_for(FROZEN_SECONDS, strike)
        return strike

    for strike in await together(befall):
        await bank.outage_is_seen(strike)
    await bank.whole_again()
    for leader, successor in succeeded.items():
        assert await bank.leader(leader.app) == successor
        assert bank.running(leader.name) == leader


@pytest.mark.parametrize("app", ["manager", "gateway"])
async def test_a_worker_frozen_inside_a_transaction_keeps_its_locks_for_seconds_only(bank: Bank, app: str) -> None:
    worker, session, strike = await bank.freeze_inside_a_transaction(app)
    with bank.waking(worker.pid):
        await bank.session_ends(session)
        await bank.frozen_for(FROZEN_SECONDS, strike)
    await bank.outage_is_seen(strike)
    await bank.whole_again()
    assert strike.in_flight >= IN_FLIGHT
    assert bank.running(worker.name) == worker
