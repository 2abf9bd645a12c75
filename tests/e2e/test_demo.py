"""The demo bank in the whole system: what `make run` shows is whole, and its story is told in order."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from guanxi.client import Client
from guanxi.demo.bank import Example, example_of, load_demo
from guanxi.local.issuer import ISSUER
from guanxi.local.stack import Stack
from tests.e2e.stacks import guanxi, started
from tests.polling import until

CUSTOMERS, SEED = 60, 7


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with started(tmp_path_factory.mktemp("demo")) as running:
        ended, said = await guanxi(running.settings, "demo", "--customers", str(CUSTOMERS), "--seed", str(SEED))
        assert ended == 0, said
        yield running


@pytest.fixture(scope="module")
async def example(stack: Stack) -> Example:
    return await example_of(stack.settings, stack.issuer, SEED)


@pytest.fixture
async def head(stack: Stack, example: Example) -> AsyncIterator[Client]:
    async with Client(stack.settings.gateway, stack.issuer.token(example.subject, [example.role])) as client:
        yield client


async def test_the_example_holds_every_section(head: Client, example: Example) -> None:
    view = await head.get(f"/api/v1/customers/{example.customer_id}/360")
    assert {name: section["state"] for name, section in view["sections"].items()} == dict.fromkeys(
        ("profile", "relationship", "marketing", "complaints", "scores"), "ok"
    )
    data = {name: section["data"] for name, section in view["sections"].items()}
    assert data["profile"]["relations"]
    assert data["marketing"]["channels"] == ["push", "sms"]
    assert data["marketing"]["campaigns"][0]["status"] == "queued"
    assert data["complaints"]["open"] == 0


STORIES = (
    ("customer.registered", "account.opened", "points.earned"),
    ("customer.registered", "assignment.started", "task.opened"),
    ("customer.registered", "account.opened", "holdings.changed", "score.computed"),
    ("customer.registered", "customer_relation.added"),
    ("customer.registered", "consent.granted", "campaign_member.queued"),
    ("complaint.received", "complaint.accepted", "complaint.assigned", "complaint.replied", "complaint.closed"),
    ("complaint.closed", "campaign_member.queued"),
)
"""What comes after what, whichever service tells it."""


async def test_its_timeline_tells_the_story_in_order(head: Client, example: Example) -> None:
    types: list[str] = []

    async def all_of_it_is_told() -> bool:
        rows = (await head.get("/api/v1/interactions", customer_id=example.customer_id, limit="200"))["items"]
        types[:] = [row["type"].removeprefix("crm.").removesuffix(".v1") for row in reversed(rows)]
        return {name for story in STORIES for name in story} <= set(types)

    await until(all_of_it_is_told)
    for story in STORIES:
        assert [types.index(name) for name in story] == sorted(types.index(name) for name in story), types
    assert types[0] == "customer.registered"


async def test_everybody_with_an_account_is_scored_and_the_reasons_add_up(stack: Stack) -> None:
    scores: dict[str, Any] = {}

    async def all_are_scored() -> bool:
        scores.update(await _scores(stack))
        return len(scores) == CUSTOMERS

    await until(all_are_scored)
    for score in scores.values():
        assert Decimal(score["contribution"]) == sum(Decimal(line["amount"]) for line in score["reasons"])
    causes = {line["cause"] for score in scores.values() for line in score["reasons"]}
    assert causes == {
        "deposit_income", "loan_income", "fee_income", "operating_cost", "contact_cost", "expected_loss", "tax", "capital_cost"
    }  # fmt: skip


async def test_a_repeated_load_changes_nothing(stack: Stack) -> None:
    before = await _counts(stack)
    ended, said = await guanxi(stack.settings, "demo", "--customers", str(CUSTOMERS), "--seed", str(SEED))
    assert ended == 0, said
    assert await _counts(stack) == before


class CutShort(Exception):
    """The machine went off."""


async def test_a_load_that_was_cut_short_is_gone_on_with(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the midst of a complaint, and again of a campaign: the example is one's and in the other."""
    post, customers, seed = Client.post, 10, 8
    for move in ("accept", "submit"):

        async def cut(client: Client, path: str, *arguments: Any, move: str = move, **more: Any) -> Any:
            if path.endswith(f"/{move}"):
                raise CutShort
            return await post(client, path, *arguments, **more)

        monkeypatch.setattr(Client, "post", cut)
        with pytest.raises(CutShort):
            await load_demo(stack.settings, stack.issuer, stack.console, customers=customers, seed=seed)
    monkeypatch.undo()
    ended, said = await guanxi(stack.settings, "demo", "--customers", str(customers), "--seed", str(seed))
    assert ended == 0, said
    assert "every service has heard of them" in said
    assert (await example_of(stack.settings, stack.issuer, seed)).whole


async def test_who_changes_what_others_change_meanwhile_looks_again(head: Client, example: Example) -> None:
    path, places = f"/api/v1/customers/{example.customer_id}", range(8)
    before = (await head.get(path))["version"]
    logins = [{"issuer": ISSUER, "subject": f"customer-demo-many-{place}"} for place in places]
    changed = [head.change(path, "logins", login, key=f"many {place}") for place, login in enumerate(logins)]
    await asyncio.gather(*changed)
    assert (await head.get(path))["version"] == before + len(places)


async def _scores(stack: Stack) -> dict[str, Any]:
    found = {}
    for code in ("0101", "0201", "0301", "0401"):
        subject = f"branch_head-{code}-1"
        async with Client(stack.settings.gateway, stack.issuer.token(subject, ["branch_head"])) as head:
            for score in (await head.get("/api/v1/scores", limit="200"))["items"]:
                found[score["customer_id"]] = score
    return found


async def _counts(stack: Stack) -> dict[str, int]:
    """How many customers, accounts, complaints and campaigns each branch has."""
    counts = {}
    for code in ("0101", "0201", "0301", "0401"):
        subject = f"branch_head-{code}-1"
        async with Client(stack.settings.gateway, stack.issuer.token(subject, ["branch_head"])) as head:
            for what in ("customers", "accounts", "complaints", "campaigns", "customer-relations"):
                counts[f"{code} {what}"] = len((await head.get(f"/api/v1/{what}", limit="200"))["items"])
    return counts
