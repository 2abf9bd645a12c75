"""An identifier in clear: for a reason, after a stronger sign-in, for minutes, and told without saying what it was."""

import hashlib
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest

from tests.services.conftest import Opened, Service

REASON = {"Guanxi-Reason": "the customer calls back"}


@pytest.fixture(scope="module")
async def customer(service: Opened) -> Service:
    return await service("customer")


@pytest.fixture(scope="module")
async def unit(customer: Service) -> UUID:
    found = await customer.know_unit("reveals")
    await customer.know_staff("reveals-teller", ["teller"], [found])
    await customer.know_staff("reveals-other", ["teller"], [found])
    return found


def signed_in(customer: Service, subject: str, **headers: str) -> httpx.AsyncClient:
    person = customer.signed_in(subject, "teller")
    token = customer.ground.issuer.token(subject, ["teller"], stepped_up=True)
    person.headers.update({"Authorization": f"Bearer {token}", **REASON, **headers})
    return person


@pytest.fixture
async def registered(customer: Service, unit: UUID) -> dict[str, Any]:
    body = {
        "name": "张伟",
        "documents": [{"type": "passport", "number": f"R{str(uuid4().int)[:8]}"}],
        "contact_points": [{"kind": "phone", "value": "13812345678"}],
    }
    made = await customer.send(customer.signed_in("reveals-teller", "teller"), "customers", body)
    assert made.status_code == 201, made.text
    await customer.know_customer(UUID(made.json()["id"]), unit)
    found: dict[str, Any] = made.json()
    return found


def asked(registered: dict[str, Any], kind: str = "contact_point") -> dict[str, Any]:
    things = {"contact_point": registered["contact_points"], "identity_document": registered["documents"]}
    return {"customer_id": registered["id"], "kind": kind, "thing_id": things[kind][0]["id"]}


async def test_an_identifier_is_shown_and_told_without_saying_what(
    customer: Service, registered: dict[str, Any]
) -> None:
    teller = signed_in(customer, "reveals-teller")
    shown = await customer.send(teller, "reveals", asked(registered))
    assert shown.status_code == 201, shown.text
    assert shown.json()["value"] == "+8613812345678"
    assert shown.headers["Cache-Control"] == "no-store"
    connection = await customer.connect()
    event = await connection.fetchrow("SELECT type, payload FROM outbox WHERE subject = $1", UUID(shown.json()["id"]))
    assert event["type"] == "crm.pii.revealed.v1"
    assert json.loads(event["payload"])["thing_id"] == registered["contact_points"][0]["id"]
    assert b"13812345678" not in event["payload"]
    kept = await connection.fetchval("SELECT reason FROM reveals WHERE id = $1", UUID(shown.json()["id"]))
    assert kept == REASON["Guanxi-Reason"]


@pytest.mark.parametrize("missing", ["step-up", "reason"])
async def test_without_a_reason_or_a_stronger_sign_in_nothing_is_shown(
    customer: Service, registered: dict[str, Any], missing: str
) -> None:
    teller = customer.signed_in("reveals-teller", "teller")
    if missing == "step-up":
        teller.headers.update(REASON)
    else:
        token = customer.ground.issuer.token("reveals-teller", ["teller"], stepped_up=True)
        teller.headers["Authorization"] = f"Bearer {token}"
    refused = await customer.send(teller, "reveals", asked(registered))
    assert refused.status_code == (401 if missing == "step-up" else 400)
    if missing == "step-up":
        assert 'error="insufficient_user_authentication"' in refused.headers["WWW-Authenticate"]
        assert 'acr_values="2"' in refused.headers["WWW-Authenticate"]
    assert "13812345678" not in refused.text
    shown = await customer.send(signed_in(customer, "reveals-teller"), "reveals", asked(registered))
    again = await teller.get(f"/api/v1/reveals/{shown.json()['id']}")
    assert (again.status_code, "13812345678" in again.text) == (refused.status_code, False)


async def test_an_identifier_in_clear_is_stored_nowhere_on_its_way(
    customer: Service, registered: dict[str, Any]
) -> None:
    teller, key = signed_in(customer, "reveals-teller"), {"Idempotency-Key": str(uuid4())}
    shown, repeated = [await teller.post("/api/v1/reveals", json=asked(registered), headers=key) for _ in range(2)]
    again = await teller.get(f"/api/v1/reveals/{shown.json()['id']}", headers={"If-None-Match": "*"})
    assert repeated.headers["Idempotency-Replayed"] == "true"
    for answer in (shown, repeated, again):
        assert answer.json()["value"] == "+8613812345678"
        assert (answer.headers["Cache-Control"], "ETag" in answer.headers) == ("no-store", False)


@pytest.mark.parametrize(
    ("acr", "seconds_ago", "status"), [("2", 290, 201), ("2", 310, 401), ("1", 0, 401), ("2", -60, 401)]
)
async def test_the_stronger_sign_in_was_a_moment_ago(
    customer: Service, registered: dict[str, Any], acr: str, seconds_ago: int, status: int
) -> None:
    teller = signed_in(customer, "reveals-teller")
    claims = {"acr": acr, "auth_time": int(time.time()) - seconds_ago}
    token = customer.ground.issuer.token("reveals-teller", ["teller"], **claims)
    teller.headers["Authorization"] = f"Bearer {token}"
    assert (await customer.send(teller, "reveals", asked(registered))).status_code == status


async def test_a_refused_reveal_and_a_list_say_whom_they_were_about(
    customer: Service, registered: dict[str, Any]
) -> None:
    teller, stranger = signed_in(customer, "reveals-teller"), str(uuid4())
    refused = await customer.send(teller, "reveals", {**asked(registered), "customer_id": stranger})
    listed = await teller.get("/api/v1/accounts", params={"customer_id": stranger})
    assert (refused.status_code, listed.status_code) == (404, 200)
    for answer in (refused, listed):
        found = "SELECT content FROM audit_entries WHERE content::json->>'trace_id' = $1"
        entry = json.loads(await (await customer.connect()).fetchval(found, answer.headers["Guanxi-Trace"]))
        assert entry["customer_ids"] == [stranger]


async def test_of_a_commands_body_no_plain_hash_is_kept(customer: Service, registered: dict[str, Any]) -> None:
    body = orjson.dumps(asked(registered))
    headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json"}
    teller = signed_in(customer, "reveals-teller")
    for _ in range(2):
        answer = await teller.post("/api/v1/reveals", content=body, headers=headers)
        assert answer.status_code == 201, answer.text
    assert answer.headers["Idempotency-Replayed"] == "true"
    kept = "SELECT body_digest FROM idempotency_keys WHERE resource_id = $1"
    (row,) = await (await customer.connect()).fetch(kept, UUID(answer.json()["id"]))
    assert hashlib.sha256(body).digest() not in row["body_digest"]


async def test_only_who_asked_sees_it_again_and_only_for_minutes(customer: Service, registered: dict[str, Any]) -> None:
    teller, other = signed_in(customer, "reveals-teller"), signed_in(customer, "reveals-other")
    shown = (await customer.send(teller, "reveals", asked(registered, "identity_document"))).json()
    path = f"/api/v1/reveals/{shown['id']}"
    assert (await teller.get(path)).json()["value"] == shown["value"]
    assert (await other.get(path)).status_code == 404
    lasts = datetime.fromisoformat(shown["expires_at"]) - datetime.fromisoformat(shown["revealed_at"])
    assert lasts == timedelta(minutes=5)
    await (await customer.connect()).execute(
        "UPDATE reveals SET expires_at = $2 WHERE id = $1", UUID(shown["id"]), datetime.now(UTC)
    )
    assert (await teller.get(path)).json()["value"] is None


async def test_a_repeated_command_reveals_once_and_shows_nothing_once_it_has_expired(
    customer: Service, registered: dict[str, Any]
) -> None:
    teller, key = signed_in(customer, "reveals-teller"), {"Idempotency-Key": str(uuid4())}
    answers = [await teller.post("/api/v1/reveals", json=asked(registered), headers=key) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    connection = await customer.connect()
    reveal_id = UUID(answers[0].json()["id"])
    assert await connection.fetchval("SELECT count(*) FROM outbox WHERE subject = $1", reveal_id) == 1
    await connection.execute("UPDATE reveals SET expires_at = $2 WHERE id = $1", reveal_id, datetime.now(UTC))
    assert (await teller.post("/api/v1/reveals", json=asked(registered), headers=key)).json()["value"] is None


async def another(customer: Service, unit: str) -> dict[str, str]:
    """A customer of the same branch, with one of each identifier: their ids by kind."""
    teller, number = customer.signed_in("reveals-teller", "teller"), str(uuid4().int)
    body = {
        "name": "李娜",
        "documents": [{"type": "passport", "number": f"Q{number[:8]}"}],
        "contact_points": [{"kind": "phone", "value": "13912345678"}],
    }
    made = (await customer.send(teller, "customers", body)).json()
    await customer.know_customer(UUID(made["id"]), UUID(unit))
    account = {"customer_id": made["id"], "kind": "savings", "product": "p", "number": number[:16]}
    opened = await customer.send(teller, "accounts", account)
    assert opened.status_code == 201, opened.text
    points, documents = made["contact_points"], made["documents"]
    ids = {"contact_point": points[0]["id"], "identity_document": documents[0]["id"], "account": opened.json()["id"]}
    return {"customer": made["id"], **ids}


async def test_another_customers_identifier_is_none_of_this_one(customer: Service, registered: dict[str, Any]) -> None:
    teller = signed_in(customer, "reveals-teller")
    other = await another(customer, registered["home_unit_id"])
    for kind in ("contact_point", "identity_document", "account"):
        named = asked(registered, "contact_point") | {"kind": kind}
        for thing_id in (other[kind], str(uuid4())):
            wrong = await customer.send(teller, "reveals", {**named, "thing_id": thing_id})
            assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "thing_id"), (kind, wrong.text)
        right = {**named, "customer_id": other["customer"], "thing_id": other[kind]}
        assert (await customer.send(teller, "reveals", right)).status_code == 201, "of its own customer it is shown"
    hidden = await customer.send(teller, "reveals", {**asked(registered), "customer_id": str(uuid4())})
    assert hidden.status_code == 404
