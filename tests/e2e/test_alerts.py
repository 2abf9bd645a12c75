"""A manager who opens customers outside the own book is asked about it: from what they read to what the auditor reads."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from guanxi.local.issuer import ADMIN, ISSUER
from guanxi.local.settings import LocalSettings
from guanxi.local.stack import Stack
from tests.e2e.person import SignIn
from tests.e2e.stacks import apart, console_of, running, signing_in
from tests.e2e.test_story import known, open_branch
from tests.polling import until

pytestmark = pytest.mark.deep

ALLOWED = 2


class WatchedStack(Stack):
    """Few strangers a day are too many."""

    def environment(self, app: str) -> dict[str, str]:
        return {**super().environment(app), "GUANXI_AUDIT_STRANGERS_PER_DAY": str(ALLOWED)}


@pytest.fixture(scope="module")
async def sign_in(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SignIn]:
    settings = apart(LocalSettings, tmp_path_factory.mktemp("alerts"), caller_max_age=1)
    async with AsyncExitStack() as opened:
        console = opened.enter_context(console_of(settings))
        stack = await opened.enter_async_context(running(WatchedStack(settings, console)))
        yield await opened.enter_async_context(signing_in(stack))


def granted(customer_id: str, staff_id: str) -> dict[str, str]:
    ends_at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    return {"customer_id": customer_id, "staff_id": staff_id, "reason": "covers for a colleague", "ends_at": ends_at}


async def test_who_opens_too_many_is_in_the_auditors_list(sign_in: SignIn) -> None:
    admin = sign_in(ADMIN, "admin")
    here, elsewhere = await open_branch(admin, "al1"), await open_branch(admin, "al2")
    login = {"issuer": ISSUER, "subject": "auditor-al"}
    body = {"number": "auditor-al", "name": "A", "unit_ids": [here.unit_id], "roles": ["auditor"], "logins": [login]}
    assert (await admin.post("/api/v1/staff", body)).status_code == 201
    auditor, curious = sign_in("auditor-al", "auditor"), sign_in("manager-al1", "manager")
    auditor.client.headers["Guanxi-Reason"] = "alerts of the day"
    teller, head = sign_in("teller-al2", "teller"), sign_in("branch_head-al2", "branch_head")
    for person in (auditor, curious, teller, head):
        await known(person)
    strangers = [
        (await teller.post("/api/v1/customers", {"name": "陌", "home_unit_id": elsewhere.unit_id})).json()["id"]
        for _ in range(ALLOWED + 1)
    ]
    for place, customer_id in enumerate(strangers):
        grant = granted(customer_id, here.staff["manager"])

        async def is_given(grant: dict[str, str] = grant) -> bool:
            return (await head.post("/api/v1/access-grants", grant)).status_code == 201

        async def is_opened(customer_id: str = customer_id) -> bool:
            return (await curious.get(f"/api/v1/customers/{customer_id}/360")).status_code == 200

        await until(is_given)
        await until(is_opened)
        if place < ALLOWED:
            assert (await auditor.get("/api/v1/audit/alerts")).json()["items"] == []

    async def is_told() -> bool:
        return bool((await auditor.get("/api/v1/audit/alerts")).json()["items"])

    await until(is_told)
    (alert,) = (await auditor.get("/api/v1/audit/alerts")).json()["items"]
    assert (alert["actor"], alert["rule"]) == (f"staff {here.staff['manager']}", "outside_own_book")
    assert alert["customers"] == ALLOWED + 1
