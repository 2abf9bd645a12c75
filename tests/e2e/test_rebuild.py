"""A copy that went wrong is made anew from its topics while the app serves, and nobody hears of what did not change."""

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import pytest

from guanxi.local.issuer import ADMIN
from guanxi.local.settings import APPS, package_of
from guanxi.local.stack import Stack
from libs.common.copies import ALONE
from tests.conftest import ROOT
from tests.e2e.person import SignIn
from tests.e2e.stacks import owner_of
from tests.e2e.test_sections import settled
from tests.e2e.test_story import known, open_branch
from tests.polling import until

pytestmark = pytest.mark.e2e

HELD = "SELECT version, staff, self FROM view.sections WHERE customer_id = $1 AND section = 'profile'"
TABLE = "directory.org_units"
UNITS = f"SELECT * FROM {TABLE}"  # noqa: S608 - the only thing put in is the constant above
CHANGES = "SELECT position FROM view.changes WHERE customer_id = $1 AND section = 'profile'"


async def rebuilt(stack: Stack, app: str, copy: str) -> tuple[int, str]:
    argv = [sys.executable, "-m", "libs.common.rebuild", package_of(app), copy]
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=PIPE, stderr=STDOUT, env=stack.environment(app), cwd=ROOT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 120)
    return int(process.returncode or 0), output.decode()


async def of(gateway: asyncpg.Connection, customer_id: str) -> Sequence[Mapping[str, Any]]:
    rows: Sequence[Mapping[str, Any]] = await gateway.fetch(HELD, customer_id)
    return rows


async def test_a_view_that_went_wrong_is_right_again(stack: Stack, signed_in: SignIn) -> None:
    here = await open_branch(signed_in(ADMIN, "admin"), "b01")
    teller = signed_in("teller-b01", "teller")
    await known(teller)
    ids = [
        (await teller.post("/api/v1/customers", {"name": name, "home_unit_id": here.unit_id})).json()["id"]
        for name in ("建", "重", "新")
    ]
    await settled(stack, *ids)
    async with owner_of(stack, "gateway") as gateway:
        before = [await of(gateway, id_) for id_ in ids]
        gone = "DELETE FROM view.sections WHERE customer_id = $1 AND section = 'profile'"
        assert await gateway.execute(gone, ids[0]) == "DELETE 1"
        wrong = "UPDATE view.sections SET self = '{}' WHERE customer_id = $1 AND section = 'profile'"
        assert await gateway.execute(wrong, ids[1]) == "UPDATE 1"
        noted = len(await gateway.fetch(CHANGES, ids[2]))
        status, said = await rebuilt(stack, "gateway", "view")
        assert (status, "view of gateway is rebuilt" in said) == (0, True), said
        assert [await of(gateway, id_) for id_ in ids] == before
        assert len(await gateway.fetch(CHANGES, ids[2])) == noted, "nothing changed for this one"


@pytest.mark.parametrize("app", APPS)
async def test_every_app_makes_its_directory_anew(stack: Stack, signed_in: SignIn, app: str) -> None:
    here = await open_branch(signed_in(ADMIN, "admin"), f"b1{APPS.index(app)}")
    async with owner_of(stack, app) as connection:

        async def heard() -> bool:
            return here.unit_id in {str(row["org_unit_id"]) for row in await connection.fetch(UNITS)}

        await until(heard)
        before = {row["org_unit_id"]: row for row in await connection.fetch(UNITS)}
        gone, wrong = "DELETE FROM {} WHERE org_unit_id = $1", "UPDATE {} SET name = 'wrong' WHERE org_unit_id <> $1"
        assert await connection.execute(gone.format(TABLE), here.unit_id) == "DELETE 1"
        assert await connection.execute(wrong.format(TABLE), here.unit_id) != "UPDATE 0"
        status, said = await rebuilt(stack, app, "directory")
        assert (status, f"directory of {app} is rebuilt" in said) == (0, True), said
        after = {row["org_unit_id"]: row for row in await connection.fetch(UNITS)}
        assert {id_: after.get(id_) for id_ in before} == before


async def test_two_do_not_rebuild_the_same(stack: Stack) -> None:
    async with owner_of(stack, "gateway") as connection:
        assert await connection.fetchval(ALONE, "rebuild of view")
        status, said = await rebuilt(stack, "gateway", "view")
    assert (status, "Somebody else rebuilds view of gateway now." in said) == (1, True), said


async def test_a_copy_that_there_is_not_is_named(stack: Stack) -> None:
    status, said = await rebuilt(stack, "customer", "view")
    assert (status, "it has: directory" in said) == (2, True), said
