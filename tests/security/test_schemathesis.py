"""Thousands of requests made from the documents, against the gateway and each service: no 5xx, nothing undocumented."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from guanxi.local.issuer import ADMIN, ISSUER
from guanxi.local.stack import SERVICES, Stack
from tests.e2e.stacks import signing_in, started
from tests.e2e.test_story import known, open_branch, register, serve
from tests.polling import until

pytestmark = pytest.mark.deep

FOLDER = Path(__file__).parent
ROLES = ["branch_head", "teller", "complaint_officer", "admin", "compliance"]
EXAMPLES, SECONDS, AT_LEAST = 4, (12, 36, 108), 50
"""Of each operation; for each app, and more of them where the machine was too busy for so many cases."""

WITHOUT_END = "/api/v1/changes$"
"""Tested by tests/e2e/test_changes.py: whoever reads such an answer to its end waits for ever."""


@dataclass(frozen=True)
class Bank:
    """`token` is of somebody who works here, `partner` of a partner's, `customer` of a customer."""

    stack: Stack
    token: str
    partner: str
    customer: str


@pytest.fixture(scope="module")
async def bank(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bank]:
    """With a customer, an account, a complaint, and somebody who may do almost everything."""
    async with started(tmp_path_factory.mktemp("schemathesis")) as stack, signing_in(stack) as sign_in:
        admin = sign_in(ADMIN, "admin")
        here = await open_branch(admin, "s01")
        login = {"issuer": ISSUER, "subject": "all"}
        body = {"number": "all", "name": "All", "unit_ids": [here.unit_id], "roles": ROLES, "logins": [login]}
        hired = await admin.post("/api/v1/staff", body)
        assert hired.status_code == 201, hired.text
        teller = sign_in("teller-s01", "teller")
        for person in (teller, sign_in("all", *ROLES)):
            await known(person)
        customer = await register(teller, here)
        await serve(teller, customer["id"])
        head, me = sign_in("branch_head-s01", "branch_head"), sign_in("customer-s01", "customer")
        bound = {"issuer": ISSUER, "subject": "customer-s01"}
        version = (await head.get(f"/api/v1/customers/{customer['id']}")).json()["version"]
        assert (await head.post(f"/api/v1/customers/{customer['id']}/logins", bound, version)).status_code == 201

        async def known_as_customer() -> bool:
            return (await me.get("/api/v1/me/view")).status_code == 200

        await until(known_as_customer)
        partner = stack.issuer.token("partner-s01", ["partner"])
        own = stack.issuer.token("customer-s01", ["customer"])
        yield Bank(stack, stack.issuer.token("all", ROLES, stepped_up=True), partner, own)


def _places(stack: Stack, app: str) -> tuple[str, str]:
    """Where an app's document is, and where its API."""
    if app == "gateway":
        return f"{stack.settings.gateway}/openapi.json", stack.settings.gateway
    return f"{stack.settings.address(app, 2)}/openapi.json", stack.settings.address(app)


async def passes(bank: Bank, app: str, *chosen: str, token: str = "") -> None:
    """Assert that enough cases are made from an app's document, and that each of them passes every check."""
    for seconds in SECONDS:
        cases = await _generated(bank, app, seconds, *chosen, token=token or bank.token)
        if cases >= AT_LEAST:
            return
    pytest.fail(f"only {cases} cases in {seconds} s")


async def _generated(bank: Bank, app: str, seconds: int, *chosen: str, token: str) -> int:
    """How many cases there were; each of them passed every check."""
    document, url = _places(bank.stack, app)
    options = [
        f"--config-file={FOLDER / 'schemathesis.toml'}", "run", document, f"--url={url}", "--checks=all",
        "--phases=examples,coverage,fuzzing,stateful", f"--max-examples={EXAMPLES}", f"--max-time={seconds}", "--workers=1",
        "--continue-on-failure", "--warnings=off", "--seed=1", *chosen,
    ]  # fmt: skip
    env = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.security.hooks", "GUANXI_TOKEN": token}
    program = Path(sys.executable).with_name("schemathesis")
    process = await asyncio.create_subprocess_exec(program, *options, stdout=PIPE, stderr=STDOUT, env=env)
    output = (await process.communicate())[0].decode(errors="replace")
    assert process.returncode == 0, output[-6000:]
    found = re.search(r"(\d+) generated", output)
    assert found, output[-2000:]
    return int(found[1])


@pytest.mark.parametrize("app", ["gateway", *SERVICES])
async def test_every_answer_is_documented_and_none_is_an_error_of_ours(bank: Bank, app: str) -> None:
    await passes(bank, app, f"--exclude-path-regex={WITHOUT_END}")


async def test_so_it_is_for_a_partner(bank: Bank) -> None:
    """Whom webhooks are there for."""
    await passes(bank, "gateway", "--include-path-regex=/webhooks", token=bank.partner)


async def test_so_it_is_for_a_customer(bank: Bank) -> None:
    await passes(bank, "gateway", "--include-path-regex=/me/|/360$", token=bank.customer)
