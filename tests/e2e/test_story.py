"""A bank as its users live it: through HTTP and Kafka alone."""

import uuid
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from guanxi.demo.people import people
from guanxi.local.issuer import ADMIN, ISSUER
from guanxi.local.stack import Stack
from tests.e2e.person import Person, SignIn
from tests.polling import until

pytestmark = pytest.mark.e2e


@dataclass
class Branch:
    unit_id: str
    staff: dict[str, str]


async def open_branch(admin: Person, code: str) -> Branch:
    """A branch with a head, a manager, a teller and a complaint officer, whose logins are `<role>-<code>`."""

    async def opened() -> bool:
        nonlocal unit
        unit = await admin.post("/api/v1/org-units", {"code": code, "name": f"Branch {code}", "kind": "branch"})
        return unit.status_code == 201

    unit = httpx.Response(0)
    await until(opened)
    staff = {}
    for role in ("branch_head", "manager", "teller", "complaint_officer"):
        body = {
            "number": f"{role}-{code}",
            "name": f"{role} of {code}",
            "unit_ids": [unit.json()["id"]],
            "roles": [role],
            "logins": [{"issuer": ISSUER, "subject": f"{role}-{code}"}],
        }
        hired = await admin.post("/api/v1/staff", body)
        assert hired.status_code == 201, hired.text
        staff[role] = hired.json()["id"]
    return Branch(unit.json()["id"], staff)


async def known(person: Person) -> None:
    """A login is good once the directories have heard of it."""

    async def answers() -> bool:
        everywhere = [await person.get(f"/api/v1/{what}") for what in ("customers", "complaints", "assignments")]
        view = await person.get(f"/api/v1/customers/{uuid.uuid4()}/360")
        return all(a.status_code == 200 for a in everywhere) and view.status_code == 404

    await until(answers)


async def view_when(person: Person, customer_id: str, holds: Any, **query: str) -> dict[str, Any]:
    sections: dict[str, Any] = {}

    async def arrived() -> bool:
        answer = await person.get(f"/api/v1/customers/{customer_id}/360", **query)
        sections.update(answer.json().get("sections", {}))
        return bool(answer.status_code == 200 and holds(sections))

    await until(arrived)
    return sections


def whole(sections: dict[str, Any]) -> bool:
    if any(section["state"] != "ok" for section in sections.values()):
        return False
    data = {name: section["data"] for name, section in sections.items()}
    return bool(data["profile"]["holdings"] and data["relationship"]["managers"] and data["complaints"]["complaints"])


async def test_a_customer_is_registered_served_and_seen_whole(signed_in: SignIn) -> None:
    admin = signed_in(ADMIN, "admin")
    here = await open_branch(admin, "t01")
    await open_branch(admin, "t02")
    teller, officer = signed_in("teller-t01", "teller"), signed_in("complaint_officer-t01", "complaint_officer")
    manager, head = signed_in("manager-t01", "manager"), signed_in("branch_head-t01", "branch_head")
    stranger = signed_in("branch_head-t02", "branch_head")
    for person in (teller, officer, head, stranger):
        await known(person)

    customer = await register(teller, here)
    complaint = await serve(teller, customer["id"])

    sections = await view_when(head, customer["id"], whole)
    assert sections["profile"]["data"]["balances"] == {"CNY": "500.1000"}
    assert sections["relationship"]["data"]["managers"][0]["staff_id"] == here.staff["manager"]
    assert sections["complaints"]["data"]["complaints"][0]["number"] == complaint["number"]

    await case_is_handled(officer, here, complaint)
    await view_when(head, customer["id"], lambda s: s["complaints"]["data"]["open"] == 0)
    await view_when(manager, customer["id"], whole)
    await live_equals_stored(head, customer["id"])
    await strangers_see_nothing(stranger, customer["id"], complaint["id"], customer["name"])
    me = signed_in("customer-t01", "customer")
    await the_customer_sees_their_own(head, me, customer["id"])
    await a_partner_sees_what_the_customer_shares(me, signed_in("wealth-app", "partner"), customer["id"])
    await many_are_read_at_once(head, stranger, customer["id"])


async def register(teller: Person, here: Branch) -> dict[str, Any]:
    zhang = people(7, 1)[0]
    body = {
        "name": zhang.name,
        "documents": [{"type": "resident_id", "number": zhang.document}],
        "contact_points": [{"kind": "phone", "value": zhang.phone}],
    }
    registered = await teller.post("/api/v1/customers", body)
    assert registered.status_code == 201, registered.text
    customer: dict[str, Any] = registered.json()
    assert (customer["status"], customer["home_unit_id"]) == ("active", here.unit_id)
    assert zhang.document not in registered.text
    return customer


async def serve(teller: Person, customer_id: str) -> dict[str, Any]:
    """Open an account and receive a complaint; returns the complaint."""
    account = {"customer_id": customer_id, "kind": "savings", "product": "储蓄", "number": "6229990000000017"}
    opened = await teller.post("/api/v1/accounts", {**account, "balance": "500.10"})
    assert opened.status_code == 201, opened.text
    complaint = {
        "customer_id": customer_id,
        "channel": "counter",
        "business": "bank_card",
        "cause": "service_attitude",
        "facts": "The queue was too long.",
    }
    received = await teller.post("/api/v1/complaints", complaint)
    assert received.status_code == 201, received.text
    made: dict[str, Any] = received.json()
    return made


async def case_is_handled(officer: Person, here: Branch, complaint: dict[str, Any]) -> None:
    url, version = f"/api/v1/complaints/{complaint['id']}", complaint["version"]
    early = await officer.post(f"{url}/reply", {"decision": "No.", "channel": "phone"}, version)
    assert early.status_code == 409
    assert early.json()["allowed"] == ["accept"]
    moves: list[tuple[str, dict[str, str] | None]] = [
        ("accept", None),
        ("assign", {"handler_id": here.staff["complaint_officer"]}),
        ("reply", {"decision": "We apologise.", "channel": "phone"}),
        ("close", {"root_cause": "staffing", "responsibility": "branch", "remedy": "a second counter"}),
    ]
    for move, body in moves:
        moved = await officer.post(f"{url}/{move}", body, version)
        assert moved.status_code == 200, moved.text
        version = moved.json()["version"]


async def live_equals_stored(head: Person, customer_id: str) -> None:
    stored = (await head.get(f"/api/v1/customers/{customer_id}/360")).json()["sections"]
    live = await live_in_time(head, customer_id)
    assert {name: s["state"] for name, s in live.items()} == dict.fromkeys(stored, "ok")
    assert {name: s["data"] for name, s in live.items()} == {name: s["data"] for name, s in stored.items()}


async def live_in_time(person: Person, customer_id: str) -> dict[str, Any]:
    """Its sections, once every service answered within the time that the gateway gives it."""

    def answered(sections: dict[str, Any]) -> bool:
        return all(section["state"] != "unavailable" for section in sections.values())

    return await view_when(person, customer_id, answered, consistency="live")


async def strangers_see_nothing(stranger: Person, customer_id: str, complaint_id: str, name: str) -> None:
    for path in (f"customers/{customer_id}", f"customers/{customer_id}/360", f"complaints/{complaint_id}"):
        assert (await stranger.get(f"/api/v1/{path}")).status_code == 404
    found = await stranger.get("/api/v1/customers", name=name)
    assert [c["id"] for c in found.json()["items"]] == []
    listed = await stranger.get("/api/v1/complaints", customer_id=customer_id)
    assert listed.json()["items"] == []


async def the_customer_sees_their_own(head: Person, customer: Person, customer_id: str) -> None:
    """The `self` documents: nothing of what is meant for staff, nobody else's, and no list."""
    version = (await head.get(f"/api/v1/customers/{customer_id}")).json()["version"]
    login = {"issuer": ISSUER, "subject": "customer-t01"}
    bound = await head.post(f"/api/v1/customers/{customer_id}/logins", login, version)
    assert bound.status_code == 201, bound.text
    now = bound.json()["version"]
    sections = await view_when(
        customer, customer_id, lambda s: whole(s) and s["profile"]["data"]["version"] == now
    )  # what the head did is not in the customer's own consistency token
    assert sections["profile"]["data"]["balances"] == {"CNY": "500.1000"}
    text = str(sections)
    for of_staff in ("home_unit_id", "source_references", "staff_id", "reason", "handler_id", "cause", "birth_date"):
        assert f"'{of_staff}'" not in text
    others = (await head.get("/api/v1/customers")).json()["items"]
    for path in (
        f"customers/{uuid.uuid4()}/360",
        *(f"customers/{o['id']}/360" for o in others if o["id"] != customer_id),
    ):
        assert (await customer.get(f"/api/v1/{path}")).status_code == 404
    mine = (await customer.get("/api/v1/me/view")).json()
    assert mine["customer_id"] == customer_id
    assert {n: s["data"] for n, s in mine["sections"].items()} == {n: s["data"] for n, s in sections.items()}
    for part, name in (("accounts", "holdings"), ("contact-points", "contact_points")):
        shown = (await customer.get(f"/api/v1/me/{part}")).json()
        assert shown["items"] == sections["profile"]["data"][name]
    email = {"kind": "email", "value": "story@example.com"}
    added = await customer.post("/api/v1/me/contact-points", email, shown["version"])
    assert added.status_code == 201, added.text
    assert len(added.json()["contact_points"]) == len(shown["items"]) + 1
    complaint = {"channel": "mobile", "business": "loan", "cause": "fees", "facts": "The fee was not named."}
    complained = await customer.post("/api/v1/me/complaints", complaint)
    assert complained.status_code == 201, complained.text
    await view_when(customer, customer_id, lambda s: len(s["complaints"]["data"]["complaints"]) == 2)
    listed = (await customer.get("/api/v1/me/complaints")).json()
    assert complained.json()["number"] in {item["number"] for item in listed["items"]}
    for path in ("customers", f"customers/{customer_id}", "accounts", "complaints", "staff"):
        assert (await customer.get(f"/api/v1/{path}")).status_code == 403


async def a_partner_sees_what_the_customer_shares(me: Person, partner: Person, customer_id: str) -> None:
    assert (await partner.get(f"/api/v1/customers/{customer_id}/360")).status_code == 404
    terms = {"purpose": "third_party_sharing", "party": "wealth-app", "text_version": "sharing-v3"}
    granted = await me.post("/api/v1/me/consents", terms)
    assert granted.status_code == 201, granted.text
    sections = await view_when(partner, customer_id, lambda s: s)
    assert {name: section["state"] for name, section in sections.items()} == {
        "profile": "ok",
        "relationship": "forbidden",
        "marketing": "forbidden",
        "complaints": "forbidden",
        "scores": "forbidden",
    }
    consents = (await me.get("/api/v1/me/consents")).json()["items"]
    assert [(consent["party"], consent["id"]) for consent in consents] == [("wealth-app", granted.json()["id"])]
    assert "wealth-app" not in str(sections), "one partner learns nothing of another"
    live = await live_in_time(partner, customer_id)
    assert live["profile"]["data"] == sections["profile"]["data"]
    (document,) = sections["profile"]["data"]["documents"]
    assert set(document["number"][1:-1]) == {"*"}, "no more of an identifier than its first and last character"
    withdrawn = await me.post(f"/api/v1/me/consents/{consents[0]['id']}/withdraw", None, consents[0]["version"])
    assert withdrawn.status_code == 200, withdrawn.text

    async def gone() -> bool:
        return (await partner.get(f"/api/v1/customers/{customer_id}/360")).status_code == 404

    await until(gone)


async def many_are_read_at_once(head: Person, stranger: Person, customer_id: str) -> None:
    asked = {"customer_ids": [customer_id, str(uuid.uuid4())], "sections": ["profile"]}
    found = await head.post("/api/v1/customers/360:batch", asked)
    assert [item["customer_id"] for item in found.json()["items"]] == [customer_id]
    assert list(found.json()["items"][0]["sections"]) == ["profile"]
    assert found.json()["not_found"] == asked["customer_ids"][1:]
    hidden = await stranger.post("/api/v1/customers/360:batch", asked)
    assert hidden.json() == {"items": [], "not_found": asked["customer_ids"]}
    too_many = await head.post("/api/v1/customers/360:batch", {"customer_ids": [str(uuid.uuid4()) for _ in range(101)]})
    assert too_many.status_code == 422


async def test_the_view_answers_304_and_names_its_sections(signed_in: SignIn) -> None:
    head = signed_in("branch_head-t01", "branch_head")
    customer_id = (await head.get("/api/v1/customers")).json()["items"][0]["id"]
    url = f"/api/v1/customers/{customer_id}/360"
    first = await head.get(url, sections="profile")
    assert list(first.json()["sections"]) == ["profile"]
    again = await head.client.get(url, params={"sections": "profile"}, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    wrong = await head.get(url, sections="horoscope")
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "sections"


async def test_the_docs_page_loads_nothing_from_outside(stack: Stack) -> None:
    async with httpx.AsyncClient(base_url=stack.settings.gateway) as anybody:
        page = await anybody.get("/docs")
        assert page.status_code == 200
        assert "http" not in page.text.replace("<!doctype html>", "")
        for asset in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
            assert (await anybody.get(f"/docs/{asset}")).status_code == 200
        document = (await anybody.get("/openapi.json")).json()
        events, asyncapi = await anybody.get("/docs/events"), (await anybody.get("/asyncapi.json")).json()
    assert events.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert all(f'id="{topic}"' in events.text for topic in asyncapi["channels"])
    paths = document["paths"]
    assert {"/api/v1/customers", "/api/v1/complaints", "/api/v1/staff", "/api/v1/customers/{customer_id}/360"} <= set(
        paths
    )
    assert all(operation["x-permission"] for path in paths.values() for operation in path.values())
