"""Customers followed live: told at once, taken up again where it broke off, and only to those who may see them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from guanxi.local.issuer import ADMIN, ISSUER
from guanxi.local.stack import Stack
from tests.e2e.person import Person, SignIn
from tests.e2e.test_story import Branch, known, open_branch
from tests.polling import until

pytestmark = pytest.mark.e2e

MANY = 1000
PATH = "/api/v1/changes"
PARTY = "change-app"
TERMS = {"purpose": "third_party_sharing", "party": PARTY, "text_version": "sharing-v3"}


@dataclass
class Told:
    """What one stream said so far."""

    status: int = 0
    events: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def named(self, name: str) -> list[tuple[str, dict[str, Any]]]:
        return [(id_, data) for id_, event, data in self.events if event == name]


async def read(answer: httpx.Response, told: Told) -> None:
    told.status, id_, event = answer.status_code, "", ""
    async for line in answer.aiter_lines():
        kind, _, value = line.partition(": ")
        if kind == "id":
            id_ = value
        elif kind == "event":
            event = value
        elif kind == "data":
            told.events.append((id_, event, json.loads(value)))
            id_ = event = ""


@asynccontextmanager
async def following(person: Person, after: str = "", **query: str) -> AsyncIterator[Told]:
    told, headers = Told(), {"Last-Event-ID": after} if after else {}

    async def follow() -> None:
        async with person.client.stream("GET", PATH, params=query, headers=headers, timeout=None) as answer:
            await read(answer, told)

    task = asyncio.create_task(follow())

    async def begun() -> bool:
        return bool(told.events) or task.done()

    try:
        await until(begun)
        yield told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(scope="module")
async def branch(signed_in: SignIn) -> Branch:
    admin = signed_in(ADMIN, "admin")
    here = await open_branch(admin, "c01")
    await open_branch(admin, "c02")
    return here


@pytest.fixture(scope="module")
async def teller(signed_in: SignIn, branch: Branch) -> Person:  # noqa: ARG001 - hires them
    person = signed_in("teller-c01", "teller")
    await known(person)
    return person


async def registered(teller: Person) -> dict[str, Any]:
    made = await teller.post("/api/v1/customers", {"name": "变"})
    customer: dict[str, Any] = made.json()

    async def seen() -> bool:
        view = await teller.get(f"/api/v1/customers/{customer['id']}/360")
        return view.status_code == 200 and all(s["state"] == "ok" for s in view.json()["sections"].values())

    await until(seen)
    return customer


async def changed(teller: Person, customer: dict[str, Any], value: str) -> dict[str, Any]:
    body = {"kind": "phone", "value": value}
    answer = await teller.post(f"/api/v1/customers/{customer['id']}/contact-points", body, customer["version"])
    assert answer.status_code == 201, answer.text
    fresh: dict[str, Any] = answer.json()
    return fresh


async def test_a_change_is_told_and_a_stream_is_taken_up_where_it_broke_off(teller: Person) -> None:
    customer, other = await registered(teller), await registered(teller)
    async with following(teller, customer_ids=customer["id"]) as told:
        assert [data for _, data in told.named("subscribed")] == [{"customer_ids": [customer["id"]]}]
        await changed(teller, other, "13900000001")
        customer = await changed(teller, customer, "13900000001")

        async def is_told() -> bool:
            return bool(told.named("section.changed"))

        await until(is_told)
    ((last, data),) = told.named("section.changed")
    assert (data["customer_id"], data["section"]) == (customer["id"], "profile")
    view = await teller.get(f"/api/v1/customers/{customer['id']}/360")
    assert view.json()["sections"]["profile"]["version"] == data["version"]
    customer = await changed(teller, customer, "13900000002")
    customer = await changed(teller, customer, "13900000003")
    async with following(teller, last, customer_ids=customer["id"]) as again:

        async def caught_up() -> bool:
            view = await teller.get(f"/api/v1/customers/{customer['id']}/360")
            versions = [data["version"] for _, data in again.named("section.changed")]
            phones = view.json()["sections"]["profile"]["data"]["contact_points"]
            return len(phones) == 3 and versions[-1:] == [view.json()["sections"]["profile"]["version"]]

        await until(caught_up)
    versions = [data["version"] for _, data in again.named("section.changed")]
    assert versions == sorted(set(versions))
    assert data["version"] not in versions, "told before"
    assert again.named("reset") == []


async def test_a_stream_that_told_nothing_is_taken_up_too(teller: Person) -> None:
    customer = await registered(teller)
    async with following(teller, customer_ids=customer["id"]) as told:
        ((place, _),) = told.named("subscribed")
    await changed(teller, customer, "13900000005")
    async with following(teller, place, customer_ids=customer["id"]) as again:

        async def is_told() -> bool:
            return bool(again.named("section.changed"))

        await until(is_told)
        assert again.named("reset") == []


async def test_a_place_of_another_time_is_said_to_be_none(teller: Person) -> None:
    customer = await registered(teller)
    async with following(teller, "999999999999-1", customer_ids=customer["id"]) as told:

        async def is_reset() -> bool:
            return bool(told.named("reset"))

        await until(is_reset)
        await changed(teller, customer, "13900000006")

        async def is_told() -> bool:
            return bool(told.named("section.changed"))

        await until(is_told)


async def test_strangers_follow_nobody(teller: Person, signed_in: SignIn) -> None:
    customer = await registered(teller)
    stranger = signed_in("branch_head-c02", "branch_head")
    await known(stranger)
    refused = await stranger.get(PATH, customer_ids=customer["id"])
    assert refused.status_code == 404
    assert (await teller.get(PATH)).status_code == 404, "staff name whom they follow"


@pytest.mark.parametrize(
    ("query", "headers", "field"),
    [
        ({"customer_ids": "x"}, {}, "customer_ids"),
        (
            {
                "customer_ids": ",".join(
                    ["01980b4e-7c1a-7d7e-9a55-3f2b6c1d8e90"] * 2
                    + [f"01980b4e-7c1a-7d7e-9a55-{n:012x}" for n in range(100)]
                )
            },
            {},
            "customer_ids",
        ),
        ({}, {"Last-Event-ID": "yesterday"}, "Last-Event-ID"),
        ({}, {"Last-Event-ID": "1-" + "9" * 30}, "Last-Event-ID"),
    ],
)
async def test_wrong_input_is_named(teller: Person, query: dict[str, str], headers: dict[str, str], field: str) -> None:
    answer = await teller.client.get(PATH, params=query, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_what_is_forgotten_is_said_so(teller: Person) -> None:
    customer = await registered(teller)
    async with following(teller, "1-1", customer_ids=customer["id"]) as told:
        assert len(told.named("subscribed")) == 1

        async def is_reset() -> bool:
            return bool(told.named("reset"))

        await until(is_reset)


@pytest.mark.deep
async def test_a_thousand_follow_at_once(stack: Stack, teller: Person) -> None:
    customer = await registered(teller)
    limits = httpx.Limits(max_connections=MANY + 10)
    headers = dict(teller.client.headers)
    async with AsyncExitStack() as opened:
        client = await opened.enter_async_context(
            httpx.AsyncClient(base_url=stack.settings.gateway, headers=headers, limits=limits, timeout=60)
        )
        all_told = []
        for _ in range(MANY // 50):
            entering = [
                opened.enter_async_context(following(Person(client), customer_ids=customer["id"])) for _ in range(50)
            ]
            all_told += await asyncio.gather(*entering)
        assert [told.status for told in all_told] == [200] * MANY
        customer = await changed(teller, customer, "13900000004")

        async def everybody_knows() -> bool:
            return all(told.named("section.changed") for told in all_told)

        await until(everybody_knows)
        assert (await teller.get(f"/api/v1/customers/{customer['id']}/360")).status_code == 200


async def consenting(teller: Person, head: Person, me: Person, subject: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A customer who signs in as `me` and lets the partner see them: the customer, and the consent."""
    customer = await registered(teller)
    path = f"/api/v1/customers/{customer['id']}"
    bound = await head.post(f"{path}/logins", {"issuer": ISSUER, "subject": subject}, customer["version"])
    assert bound.status_code == 201, bound.text

    async def is_known() -> bool:
        return (await me.get("/api/v1/me/view")).status_code == 200

    await until(is_known)
    granted = await me.post("/api/v1/me/consents", TERMS)
    assert granted.status_code == 201, granted.text
    return customer, granted.json()


async def fresh(teller: Person, customer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await teller.get(f"/api/v1/customers/{customer['id']}")).json()
    return found


async def test_who_may_see_a_customer_no_more_is_told_no_more(teller: Person, signed_in: SignIn) -> None:
    head, partner = signed_in("branch_head-c01", "branch_head"), signed_in(PARTY, "partner")
    await known(head)
    leaving, staying = (signed_in(subject, "customer") for subject in ("customer-c01-1", "customer-c01-2"))
    lost, consent = await consenting(teller, head, leaving, "customer-c01-1")
    kept, _ = await consenting(teller, head, staying, "customer-c01-2")

    async def sees(customer: dict[str, Any]) -> bool:
        return (await partner.get(f"/api/v1/customers/{customer['id']}/360")).status_code == 200

    await until(lambda: sees(lost))
    await until(lambda: sees(kept))
    async with following(partner, customer_ids=f"{lost['id']},{kept['id']}") as told:
        ((place, _),) = told.named("subscribed")
        withdrawn = await leaving.post(f"/api/v1/me/consents/{consent['id']}/withdraw", None, consent["version"])
        assert withdrawn.status_code == 200, withdrawn.text

        async def is_refused() -> bool:
            return not await sees(lost)

        await until(is_refused)
        before = len([data for _, data in told.named("section.changed") if data["customer_id"] == lost["id"]])
        await changed(teller, await fresh(teller, lost), "13900000007")
        await changed(teller, await fresh(teller, kept), "13900000008")

        async def is_told_of_the_other() -> bool:
            return any(data["customer_id"] == kept["id"] for _, data in told.named("section.changed"))

        await until(is_told_of_the_other)
        after = [data for _, data in told.named("section.changed") if data["customer_id"] == lost["id"]]
        assert len(after) == before
        assert {data["section"] for _, data in told.named("section.changed")} == {"profile"}, "all that a partner sees"
    async with following(partner, place, customer_ids=f"{lost['id']},{kept['id']}") as again:

        async def is_caught_up() -> bool:
            return any(data["customer_id"] == kept["id"] for _, data in again.named("section.changed"))

        await until(is_caught_up)
        assert {data["customer_id"] for _, data in again.named("section.changed")} == {kept["id"]}
