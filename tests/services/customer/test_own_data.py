"""What customers change of their own: consents, and how the bank reaches them. Nobody else does it for them."""

import json
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from guanxi.local.issuer import ISSUER
from services.customer.storage.section import CUSTOMER_REFERENCE
from tests.services.conftest import Opened, Service

CONSENT = {"purpose": "third_party_sharing", "party": "wealth-app", "text_version": "sharing-v3"}


@pytest.fixture(scope="module")
async def customer(service: Opened) -> Service:
    return await service("customer")


async def born(customer: Service, login: str) -> UUID:
    """A customer of whom service and directory know, who signs in by this login."""
    customer_id, unit = uuid4(), uuid4()
    await customer.know_customer(customer_id, unit)
    connection = await customer.connect()
    logins = [f"{ISSUER} {login}"]
    await connection.execute("UPDATE directory.customers SET logins = $2 WHERE customer_id = $1", customer_id, logins)
    await connection.execute(
        "INSERT INTO customers VALUES ($1, 1, 'person', 'A', 'a', '{}', 'active', $2, NULL, NULL, NULL, $3, now())",
        customer_id, unit, logins,
    )  # fmt: skip
    return customer_id


async def signed_in(customer: Service) -> tuple[UUID, httpx.AsyncClient]:
    login = f"own-{uuid4()}"
    return await born(customer, login), customer.signed_in(login, "customer")


async def parties(customer: Service, customer_id: UUID) -> Any:
    rows = await (await customer.connect()).fetch(CUSTOMER_REFERENCE, [customer_id])
    return json.loads(rows[0][1])["partner_consents"]


async def test_a_consent_stands_in_the_reference_until_it_is_withdrawn(customer: Service) -> None:
    customer_id, me = await signed_in(customer)
    granted = await customer.send(me, "me/consents", CONSENT)
    assert granted.status_code == 201, granted.text
    assert await parties(customer, customer_id) == ["wealth-app"]
    assert (await customer.send(me, "me/consents", CONSENT)).status_code == 409
    path = f"me/consents/{granted.json()['id']}/withdraw"
    assert (await customer.send(me, path)).status_code == 428
    assert (await customer.send(me, path, version=7)).status_code == 412
    withdrawn = await customer.send(me, path, version=granted.json()["version"])
    assert withdrawn.json()["withdrawn_at"]
    assert await parties(customer, customer_id) == []
    assert (await customer.send(me, "me/consents", CONSENT)).status_code == 201, "one as easily as the other"
    assert len((await me.get("/api/v1/me/consents")).json()["items"]) == 2
    standing = (await me.get("/api/v1/me/consents", params={"standing": True})).json()["items"]
    assert [item["withdrawn_at"] for item in standing] == [None]


async def test_marketing_is_consented_to_channel_by_channel(customer: Service) -> None:
    customer_id, me = await signed_in(customer)
    terms = {"purpose": "marketing", "text_version": "marketing-v2"}
    by = {channel: await customer.send(me, "me/consents", {**terms, "channel": channel}) for channel in ("sms", "push")}
    assert {channel: (made.status_code, made.json()["party"]) for channel, made in by.items()} == {
        "sms": (201, "bank"),
        "push": (201, "bank"),
    }
    assert (await customer.send(me, "me/consents", {**terms, "channel": "sms"})).status_code == 409
    sms = by["sms"].json()
    withdrawn = await customer.send(me, f"me/consents/{sms['id']}/withdraw", version=sms["version"])
    assert (withdrawn.status_code, withdrawn.json()["channel"]) == (200, "sms")
    assert await parties(customer, customer_id) == [], "the bank is no partner"
    told = await (await customer.connect()).fetch(
        "SELECT type, payload FROM outbox WHERE key = $1 ORDER BY id", customer_id
    )
    said = [(row["type"].split(".")[2], json.loads(row["payload"])["channel"]) for row in told]
    assert said == [("granted", "sms"), ("granted", "push"), ("withdrawn", "sms")]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"purpose": "marketing", "party": "bank"}, "channel"),
        ({"purpose": "marketing", "channel": "sms"}, "party"),
        ({"purpose": "marketing", "party": "bank", "channel": "pigeon"}, "channel"),
        ({"channel": "sms"}, "channel"),
        ({"party": "bank"}, "party"),
    ],
)
async def test_a_consent_says_no_more_and_no_less_than_what_it_is_for(
    customer: Service, changed: dict[str, Any], field: str
) -> None:
    _, me = await signed_in(customer)
    refused = await customer.send(me, "me/consents", CONSENT | changed)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)


async def test_nobody_consents_for_another(customer: Service) -> None:
    _, me = await signed_in(customer)
    _, other = await signed_in(customer)
    granted = (await customer.send(me, "me/consents", CONSENT)).json()
    path = f"me/consents/{granted['id']}/withdraw"
    assert (await customer.send(other, path, version=granted["version"])).status_code == 404
    await customer.know_staff("own-head", ["branch_head"], [await customer.know_unit("own")])
    assert (
        await customer.send(customer.signed_in("own-head", "branch_head"), "me/consents", CONSENT)
    ).status_code == 403


@pytest.mark.parametrize("party", ["wealth app", "6222021234561234", ""])
async def test_a_party_is_a_code(customer: Service, party: str) -> None:
    _, me = await signed_in(customer)
    refused = await customer.send(me, "me/consents", {**CONSENT, "party": party})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "party"


async def test_customers_change_how_the_bank_reaches_them(customer: Service) -> None:
    _, me = await signed_in(customer)
    added = await customer.send(me, "me/contact-points", {"kind": "phone", "value": "13812345678"}, version=1)
    assert added.status_code == 201, added.text
    point = added.json()["contact_points"][0]
    assert point["value"] == "138****5678"
    path, old = f"/api/v1/me/contact-points/{point['id']}", {"If-Match": '"1"'}
    assert (await me.delete(path, headers=old)).status_code == 412
    removed = await me.delete(path, headers={"If-Match": added.headers["ETag"]})
    assert removed.json()["contact_points"] == []


async def test_a_contact_point_of_another_is_none_of_this_customers(customer: Service) -> None:
    own_id, me = await signed_in(customer)
    _, other = await signed_in(customer)
    unit = await customer.know_unit("own-teller")
    await customer.know_staff("own-teller", ["teller"], [unit])
    await customer.execute("UPDATE directory.customers SET home_unit_id = $2 WHERE customer_id = $1", own_id, unit)
    phone = {"kind": "phone", "value": "13812345678"}
    theirs = (await customer.send(other, "me/contact-points", phone, version=1)).json()
    for person, path in ((me, "me"), (customer.signed_in("own-teller", "teller"), f"customers/{own_id}")):
        point = f"/api/v1/{path}/contact-points/{theirs['contact_points'][0]['id']}"
        refused = await person.delete(point, headers={"If-Match": '"1"'})
        assert (refused.status_code, "contact point" in refused.json()["detail"]) == (404, True)
    again = await customer.send(other, "me/contact-points", {**phone, "value": "13812345679"}, version=2)
    assert len(again.json()["contact_points"]) == 2


async def test_a_login_for_several_names_one(customer: Service) -> None:
    login = f"own-{uuid4()}"
    own = [await born(customer, login) for _ in range(2)]
    me = customer.signed_in(login, "customer")
    unnamed = await customer.send(me, "me/consents", CONSENT)
    assert unnamed.status_code == 422
    assert unnamed.json()["errors"][0]["field"] == "customer_id"
    assert (await customer.send(me, f"me/consents?customer_id={own[1]}", CONSENT)).status_code == 201
    assert await parties(customer, own[1]) == ["wealth-app"]
    assert (await customer.send(me, f"me/consents?customer_id={uuid4()}", CONSENT)).status_code == 404
