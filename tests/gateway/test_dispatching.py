"""When messages are sent: one endpoint's trouble is its own, and what waits behind a failure waits with it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from gateway.settings import GatewaySettings
from gateway.webhooks.dispatch import LONGEST_REST, Dispatcher
from libs.common.leader import Leadership
from tests.conftest import Ground
from tests.gateway.partner import Partner, partner_of
from tests.polling import until

pytestmark = pytest.mark.usefixtures("webhooks_database")

MANY = 12
"""More than are on their way to one endpoint at a time."""


@asynccontextmanager
async def refusing(ground: Ground) -> AsyncIterator[tuple[Partner, dict[str, Any], UUID]]:
    """A partner whose endpoint takes nothing, and is asked again ten minutes later; its webhook, and a customer."""
    async with partner_of(ground, f"partner-{uuid4()}", webhook_back_off=(600.0,)) as partner:
        webhook, customer_id = await partner.register(), await partner.customer()
        partner.receiver.answer = lambda _: (500, {})
        yield partner, webhook, customer_id


async def test_what_follows_one_that_is_tried_later_is_not_looked_at_before(ground: Ground) -> None:
    """Also what comes after the failure: else a long queue would be read each time to find nothing."""
    async with refusing(ground) as (partner, webhook, customer_id):
        for sequence in (1, 2):
            await partner.happens(customer_id, sequence)
            await partner.deliver(webhook)
        first, second = [datetime.fromisoformat(item["due_at"]) for item in await partner.log(webhook)]
        assert first == second > datetime.now(UTC) + timedelta(minutes=5)
        assert len(partner.receiver.messages) == 1


async def test_what_is_moved_behind_a_failure_is_another_version_of_itself(ground: Ground) -> None:
    """Whoever has read it before is not told that nothing changed."""
    async with refusing(ground) as (partner, webhook, customer_id):
        for sequence in (1, 2):
            await partner.happens(customer_id, sequence)
        await partner.deliver(webhook, rounds=0)
        before = {item["id"]: item["version"] for item in await partner.log(webhook)}
        await partner.deliver(webhook)
        after = {item["id"]: item["version"] for item in await partner.log(webhook)}
        assert {id_: version + 1 for id_, version in before.items()} == after
        assert len(partner.receiver.messages) == 1


async def test_each_try_waits_longer_for_some_hours(partner: Partner) -> None:
    steps = GatewaySettings.model_fields["webhook_back_off"].default
    assert sum(steps) >= timedelta(hours=12).total_seconds()
    sender = replace(partner.sender, back_off=steps)
    for tries, step in enumerate(steps):
        wait = sender._wait(tries, None)
        assert wait is not None
        assert 0.8 * step <= wait.total_seconds() <= 1.2 * step
    assert sender._wait(len(steps), None) is None


async def test_an_endpoint_that_hangs_holds_up_no_other(ground: Ground, partner: Partner) -> None:
    async with partner_of(ground, f"partner-{uuid4()}") as hanging:
        hanging.receiver.goes_on = asyncio.Event()
        for each in (hanging, partner):
            await each.register()
            for _ in range(MANY):
                await each.happens(await each.customer())
        await partner.complete()
        connection = await asyncpg.connect(partner.sender.database.dsn)
        leadership = Leadership(connection)
        terms = [asyncio.create_task(leadership.keep())]
        terms.append(asyncio.create_task(Dispatcher(partner.sender).run(leadership)))

        async def all_told() -> bool:
            return len(partner.receiver.messages) == MANY

        async def caught_up() -> bool:
            return len({message.id for message in hanging.receiver.messages}) == MANY

        try:
            await until(all_told)
            assert 0 < len(hanging.receiver.messages) < MANY, "it was told something, and answers nothing"
            hanging.receiver.goes_on.set()
            await until(caught_up)
        finally:
            for term in terms:
                term.cancel()
            await asyncio.gather(*terms, return_exceptions=True)
            await connection.close()


async def test_an_endpoint_that_never_answers_is_let_alone_for_a_minute_at_most(partner: Partner) -> None:
    dispatcher, webhook_id = Dispatcher(partner.sender), uuid4()
    for _ in range(2000):
        dispatcher._rest(webhook_id)
    assert dispatcher._rests[webhook_id].until <= time.monotonic() + LONGEST_REST
