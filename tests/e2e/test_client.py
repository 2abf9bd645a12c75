"""What the command line asks with, at a gateway that is at work."""

import asyncio

import asyncpg
import pytest

from guanxi.client import Client
from guanxi.local.issuer import ADMIN
from guanxi.local.stack import Stack
from tests.e2e.person import SignIn
from tests.e2e.test_story import known, open_branch

pytestmark = pytest.mark.e2e

AT_WORK = 1.0
"""Seconds."""


async def test_whoever_asks_while_the_same_command_is_under_way_gets_its_answer(
    stack: Stack, signed_in: SignIn
) -> None:
    here = await open_branch(signed_in(ADMIN, "admin"), "once1")
    await known(signed_in("teller-once1", "teller"))
    body = {"name": "王小明", "home_unit_id": here.unit_id}
    token = stack.issuer.token("teller-once1", ["teller"])
    owner = await asyncpg.connect(stack.database_url("customer", "owner"))
    try:
        async with Client(stack.settings.gateway, token) as client:
            async with owner.transaction():
                await owner.execute("LOCK TABLE customers IN EXCLUSIVE MODE")
                asked = [asyncio.create_task(client.post("/api/v1/customers", body, key="twice")) for _ in range(2)]
                done, _ = await asyncio.wait(asked, timeout=AT_WORK)
                assert not done
            answers = await asyncio.gather(*asked)
        found = await owner.fetchval("SELECT count(*) FROM customers WHERE home_unit_id = $1", here.unit_id)
    finally:
        await owner.close()
    assert len({answer["id"] for answer, _ in answers}) == 1
    assert found == 1
