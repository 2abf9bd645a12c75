"""What an app publishes is published again at an operator's word, under newer versions, while the bank goes on."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from typing import Any
from uuid import UUID

import pytest

from guanxi.local.issuer import ADMIN
from guanxi.local.stack import Stack
from libs.contracts import customer
from tests.conftest import ROOT
from tests.e2e.person import Person, SignIn
from tests.e2e.stacks import owner_of
from tests.e2e.test_story import known, open_branch, view_when
from tests.polling import until

pytestmark = pytest.mark.e2e

SECTION = customer.SECTION.name


async def guanxi(stack: Stack, app: str, *argv: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "guanxi.cli", "sections", *argv, "--app", app]
    command += ["--database", stack.database_url(app if app != "nobody" else "customer", "app")]
    env = {"PATH": os.environ["PATH"], "COLUMNS": "300"}
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=env, cwd=ROOT)
    output, errors = await asyncio.wait_for(process.communicate(), 120)
    return int(process.returncode or 0), (output + errors).decode()


async def lost(stack: Stack, customer_id: str) -> None:
    """The gateway's copy of one section of a customer, gone."""
    async with owner_of(stack, "gateway") as gateway:
        gone = "DELETE FROM view.sections WHERE customer_id = $1 AND section = 'profile'"
        assert await gateway.execute(gone, customer_id) == "DELETE 1"


async def settled(stack: Stack, *customer_ids: str) -> None:
    """The profiles of these customers have arrived as they are: nothing is on its way that would mend what is lost."""

    async def arrived() -> bool:
        async with owner_of(stack, "customer") as own, owner_of(stack, "gateway") as gateway:
            marks = "SELECT key, version FROM publication_marks WHERE stream = $1 AND key = ANY($2) AND NOT dirty"
            held = "SELECT customer_id, version FROM view.sections WHERE section = 'profile' AND customer_id = ANY($1)"
            sent = {tuple(row) for row in await own.fetch(marks, SECTION, list(customer_ids))}
            return len(sent) == len(customer_ids) and sent == {
                tuple(row) for row in await gateway.fetch(held, list(customer_ids))
            }

    await until(arrived)


async def profile(person: Person, customer_id: str) -> dict[str, Any]:
    answer = await person.get(f"/api/v1/customers/{customer_id}/360", sections="profile")
    found: dict[str, Any] = answer.json()["sections"]["profile"]
    return found


@pytest.mark.parametrize("by_key", [True, False], ids=["one customer", "everything"])
async def test_a_copy_that_lost_a_section_has_it_again(stack: Stack, signed_in: SignIn, by_key: bool) -> None:  # noqa: FBT001 - a parameter
    here = await open_branch(signed_in(ADMIN, "admin"), f"p0{int(by_key)}")
    teller = signed_in(f"teller-p0{int(by_key)}", "teller")
    await known(teller)
    id_ = (await teller.post("/api/v1/customers", {"name": "分", "home_unit_id": here.unit_id})).json()["id"]
    before = (await view_when(teller, id_, lambda sections: sections["profile"]["state"] == "ok"))["profile"]
    await settled(stack, id_)
    await lost(stack, id_)
    teller.after = ""  # what was written before is not waited for: it is gone
    assert (await profile(teller, id_))["state"] == "missing"
    chosen = ("--stream", SECTION, "--key", id_) if by_key else ()
    status, said = await guanxi(stack, "customer", "republish", *chosen)
    assert status == 0, said
    assert f"published again: {1 if by_key else ''}" in said
    after = (await view_when(teller, id_, lambda sections: sections["profile"]["state"] == "ok"))["profile"]
    assert after["data"] == before["data"]
    assert after["version"] > before["version"]


async def test_the_status_names_the_streams_and_what_waits(stack: Stack) -> None:
    status, said = await guanxi(stack, "customer", "status")
    assert status == 0
    assert SECTION in said
    assert customer.REFERENCE.name in said


@pytest.mark.parametrize(
    ("app", "argv", "sentence"),
    [
        ("customer", ("republish", "--stream", "crm.section.moods.v1"), f"it did on: {customer.REFERENCE.name}"),
        ("customer", ("republish", "--key", str(UUID(int=1))), f"never published anything of {UUID(int=1)}"),
        ("gateway", ("republish",), "gateway publishes nothing"),
        ("nobody", ("status",), "unknown: nobody"),
    ],
)
async def test_what_cannot_be_is_said(stack: Stack, app: str, argv: tuple[str, ...], sentence: str) -> None:
    status, said = await guanxi(stack, app, *argv)
    assert status == 2
    assert sentence in said
