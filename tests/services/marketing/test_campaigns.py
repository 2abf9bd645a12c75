"""Campaigns: approved by two, told to whom their segment holds and who consents, and a reason kept for everyone else."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from libs.directory.composition import service_database
from libs.directory.scope import SystemScope
from services.marketing.storage.section import PUBLICATIONS
from services.marketing.use_cases.selecting import select_members
from tests.services.conftest import Opened
from tests.services.marketing.branch import NOW, Branch, new_code


@pytest.fixture
async def branch(service: Opened) -> AsyncIterator[Branch]:
    marketing, name = await service("marketing"), str(uuid4())
    unit = await marketing.know_unit(f"campaign-{name}")
    await marketing.know_staff(f"officer-{name}", ["marketing_officer"], [unit])
    await marketing.know_staff(f"head-{name}", ["branch_head"], [unit])
    database = service_database(marketing.settings, PUBLICATIONS)
    officer = marketing.signed_in(f"officer-{name}", "marketing_officer")
    yield Branch(marketing, database, unit, officer, marketing.signed_in(f"head-{name}", "branch_head"))
    await database.close()


@pytest.fixture
async def admin(branch: Branch) -> httpx.AsyncClient:
    name = f"campaign-admin-{uuid4()}"
    await branch.marketing.know_staff(name, ["admin"], [])
    return branch.marketing.signed_in(name, "admin")


async def test_a_campaign_ends_where_its_product_is_withdrawn_under_way(
    branch: Branch, admin: httpx.AsyncClient
) -> None:
    await branch.customer("sms")
    launched = {"code": new_code(), "name": "稳健理财", "kind": "fund", "risk_rating": "R2"}
    product = (await branch.marketing.send(admin, "products", launched)).json()
    campaign = (await branch.draft(product_id=product["id"])).json()
    for person, name in ((branch.officer, "submit"), (branch.head, "approve"), (branch.officer, "start")):
        path = f"campaigns/{campaign['id']}/{name}"
        campaign = (await branch.marketing.send(person, path, None, campaign["version"])).json()
    await branch.marketing.send(admin, f"products/{product['id']}/withdraw", None, product["version"])
    async with branch.database.unit_of_work(SystemScope()) as uow:
        await select_members(uow, NOW)
    ended = (await branch.officer.get(f"/api/v1/campaigns/{campaign['id']}")).json()
    assert (ended["status"], ended["queued"], await branch.members(campaign)) == ("cancelled", None, {})


async def test_a_reason_is_kept_for_everyone_who_is_left_out(branch: Branch, service: Opened) -> None:
    marketing = await service("marketing")
    elsewhere = await marketing.know_unit(f"elsewhere-{uuid4()}")
    told = await branch.customer("sms", "email")
    silent = await branch.customer("email")
    angry = await branch.customer("sms", complains=True)
    prospect = await branch.customer("sms")
    await branch.customer("sms", unit=elsewhere)
    await marketing.execute("UPDATE directory.customers SET status = 'prospect' WHERE customer_id = $1", prospect)
    campaign = await branch.run()
    expected = {told: "queued", silent: "no_consent", angry: "open_complaint", prospect: "not_active"}
    assert await branch.members(campaign) == expected
    assert (campaign["status"], campaign["queued"], campaign["suppressed"]) == ("finished", 1, 3)
    assert await branch.members(campaign, reason="open_complaint") == {angry: "open_complaint"}
    assert await branch.members(campaign, status="queued") == {told: "queued"}


async def test_what_was_taken_back_or_is_over_counts_no_more(branch: Branch) -> None:
    fickle, calm, twice = (
        await branch.customer("sms", "sms"),
        await branch.customer("sms"),
        await branch.customer("sms"),
    )
    await branch.consents(fickle, "sms", given=False)
    for customer_id in (calm, twice):
        first, second = uuid4(), uuid4()
        await branch.complains(customer_id, first)
        await branch.complains(customer_id, first)
        await branch.complains(customer_id, first, closes=True)
        if customer_id is twice:
            await branch.complains(customer_id, second)
    campaign = await branch.run()
    assert await branch.members(campaign) == {fickle: "no_consent", calm: "queued", twice: "open_complaint"}


@pytest.mark.parametrize(
    ("segment", "meant"),
    [
        ({}, {"saver", "investor", "borrower"}),
        ({"holds": ["savings"]}, {"saver", "investor"}),
        ({"holds": ["savings", "fund"]}, {"investor"}),
        ({"lacks": ["fund"]}, {"saver", "borrower"}),
        ({"holds": ["savings"], "lacks": ["fund"]}, {"saver"}),
        ({"value_groups": ["valuable", "high_value_added"]}, {"saver", "investor"}),
        ({"assets_from": "50000"}, {"saver", "investor"}),
        ({"assets_from": "50000.0001"}, {"investor"}),
        ({"holds": ["loan"], "assets_from": "1"}, set()),
    ],
)
async def test_a_segment_holds_whom_all_its_conditions_fit(
    branch: Branch, segment: dict[str, Any], meant: set[str]
) -> None:
    people = {name: await branch.customer("sms") for name in ("saver", "investor", "borrower")}
    await branch.holds(people["saver"], "savings", closed=["fund"])
    await branch.holds(people["investor"], "savings", "fund")
    await branch.holds(people["borrower"], "loan")
    await branch.scores(people["saver"], "valuable", "50000")
    await branch.scores(people["investor"], "high_value_added", "800000")
    await branch.scores(people["borrower"], "low", "0")
    campaign = await branch.run(segment=segment)
    assert set(await branch.members(campaign)) == {people[name] for name in meant}


async def test_more_than_one_batch_is_looked_at_once_each(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.marketing.use_cases.selecting.AT_ONCE", 3)
    for place in range(8):
        await branch.customer(*(["sms"] if place % 2 else []))
    campaign = await branch.run()
    members = await branch.members(campaign)
    assert (set(members), Counter(members.values())) == (set(branch.customers), {"queued": 4, "no_consent": 4})
    assert (campaign["queued"], campaign["suppressed"]) == (4, 4)


async def test_each_member_and_each_move_is_told_once(branch: Branch) -> None:
    customer_id = await branch.customer("sms")
    campaign = await branch.run()
    connection = await asyncpg.connect(branch.marketing.settings.dsn)
    moves = await connection.fetch("SELECT type FROM outbox WHERE subject = $1 ORDER BY sequence", UUID(campaign["id"]))
    told = await connection.fetch("SELECT type FROM outbox WHERE key = $1", customer_id)
    await connection.close()
    assert [row["type"].split(".")[2] for row in moves] == ["drafted", "submitted", "approved", "started", "finished"]
    assert [row["type"] for row in told] == ["crm.campaign_member.queued.v1"]


async def test_a_campaign_needs_four_eyes(branch: Branch) -> None:
    marketing, name = branch.marketing, str(uuid4())
    both = ["marketing_officer", "branch_head"]
    await marketing.know_staff(name, both, [branch.unit])
    person = marketing.signed_in(name, *both)
    campaign = (await Branch(marketing, branch.database, branch.unit, person, person).draft()).json()
    campaign = (await marketing.send(person, f"campaigns/{campaign['id']}/submit", None, campaign["version"])).json()
    path = f"campaigns/{campaign['id']}/approve"
    refused = await marketing.send(person, path, None, campaign["version"])
    assert (refused.status_code, "author" in refused.text) == (409, True)
    assert (await marketing.send(branch.head, path, None, campaign["version"])).json()["status"] == "approved"


async def test_a_cancelled_campaign_selects_nobody(branch: Branch) -> None:
    await branch.customer("sms")
    campaign = (await branch.draft()).json()
    for person, name in (
        (branch.officer, "submit"), (branch.head, "approve"), (branch.officer, "start"), (branch.officer, "cancel"),
    ):  # fmt: skip
        path = f"campaigns/{campaign['id']}/{name}"
        campaign = (await branch.marketing.send(person, path, None, campaign["version"])).json()
    async with branch.database.unit_of_work(SystemScope()) as uow:
        await select_members(uow, NOW)
    assert (campaign["status"], await branch.members(campaign)) == ("cancelled", {})


async def test_a_product_that_is_withdrawn_is_campaigned_for_no_more(branch: Branch, admin: httpx.AsyncClient) -> None:
    code = new_code()
    launched = {"code": code, "name": "稳健理财", "kind": "wealth_product", "risk_rating": "R2"}
    product = (await branch.marketing.send(admin, "products", launched)).json()
    campaign = (await branch.draft(product_id=product["id"])).json()
    for person, name in ((branch.officer, "submit"), (branch.head, "approve")):
        path = f"campaigns/{campaign['id']}/{name}"
        campaign = (await branch.marketing.send(person, path, None, campaign["version"])).json()
    gone = await branch.marketing.send(admin, f"products/{product['id']}/withdraw", None, product["version"])
    assert gone.json()["status"] == "withdrawn"
    listed = await branch.officer.get("/api/v1/products", params={"status": "withdrawn", "code": code})
    assert [each["id"] for each in listed.json()["items"]] == [product["id"]]
    started = await branch.marketing.send(
        branch.officer, f"campaigns/{campaign['id']}/start", None, campaign["version"]
    )
    assert started.status_code == 409
    refused = await branch.draft(product_id=product["id"])
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "product_id")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"org_unit_id": str(uuid4())}, "org_unit_id"),
        ({"product_id": str(uuid4())}, "product_id"),
        ({"channel": "pigeon"}, "channel"),
        ({"message": ""}, "message"),
        ({"code": "C 1"}, "code"),
        ({"segment": {"holds": ["loan"], "lacks": ["loan"]}}, "segment.lacks"),
        ({"segment": {"value_groups": ["rich"]}}, "segment.value_groups.0"),
        ({"segment": {"assets_from": "-1"}}, "segment.assets_from"),
        ({"segment": {"age": 3}}, "segment.age"),
    ],
)
async def test_a_campaign_that_cannot_be_is_refused_by_its_field(
    branch: Branch, changed: dict[str, Any], field: str
) -> None:
    refused = await branch.draft(**changed)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field), refused.text


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"risk_rating": None}, "risk_rating"), ({"kind": "savings"}, "risk_rating"), ({"kind": "car"}, "kind")],
)
async def test_a_product_that_cannot_be_is_refused_by_its_field(
    branch: Branch, admin: httpx.AsyncClient, changed: dict[str, Any], field: str
) -> None:
    body = {"code": "p-x", "name": "稳健理财", "kind": "fund", "risk_rating": "R3", **changed}
    refused = await branch.marketing.send(admin, "products", body)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field), refused.text
