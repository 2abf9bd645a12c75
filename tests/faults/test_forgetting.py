"""Kafka forgets what it acknowledged, while everybody is at work: all of it is sent again, and nothing happens twice."""

import shutil
from datetime import UTC, datetime

import pytest

from libs.contracts import core, customer
from tests.e2e.stacks import guanxi
from tests.faults.bank import IN_FLIGHT, Bank
from tests.topics import make_again

CORE = ("--app", "customer", "--topic", core.ACCOUNTS.name, "--topic", core.TRANSACTIONS.name)

pytestmark = [pytest.mark.deep, pytest.mark.kills]


async def test_a_broker_that_lost_its_disk(bank: Bank) -> None:
    kafka = bank.stack.kafka
    strike = await bank.strike(kafka.process)
    assert strike.in_flight >= IN_FLIGHT
    with bank.at_leisure():
        await kafka.ended()
        shutil.rmtree(bank.stack.settings.home / "kafka" / "data")
        await kafka.start()
        await bank.stack.make_topics()
        await bank.whole_again()
        await bank.core.say_again()
        status, said = await guanxi(bank.stack.settings, "replay", *CORE, "--since", f"{datetime.now(UTC).date()}")
        assert status == 0, said


async def test_topics_of_events_sections_and_references_that_are_made_again(bank: Bank) -> None:
    with bank.at_leisure():
        for topic in (customer.EVENTS, customer.SECTION, customer.REFERENCE):
            await make_again(bank.stack.kafka.bootstrap, topic)
            await bank.whole_again()
