"""What a caller has already is not sent again: in the services as at the view."""

import json
from uuid import UUID, uuid4

import httpx
import pytest

from tests.services.conftest import Opened, Service

PHONE = {"kind": "phone", "value": "13912345678"}


@pytest.fixture(scope="module")
async def customer(service: Opened) -> Service:
    return await service("customer")


@pytest.fixture(scope="module")
async def teller(customer: Service) -> httpx.AsyncClient:
    unit = await customer.know_unit("conditional")
    await customer.know_staff("conditional-teller", ["teller"], [unit])
    await customer.know_staff("conditional-auditor", ["auditor"], [unit])
    return customer.signed_in("conditional-teller", "teller")


@pytest.fixture
async def path(customer: Service, teller: httpx.AsyncClient) -> str:
    document = {"type": "passport", "number": f"C{str(uuid4().int)[:8]}"}
    made = await customer.send(
        teller, "customers", {"name": "李娜", "documents": [document], "contact_points": [PHONE]}
    )
    assert made.status_code == 201, made.text
    await customer.know_customer(UUID(made.json()["id"]), UUID(made.json()["home_unit_id"]))
    return f"/api/v1/customers/{made.json()['id']}"


@pytest.mark.parametrize("told", ['"1"', 'W/"1"', '"0", "1"', "*"])
async def test_the_same_version_is_not_sent_again_and_leaves_an_entry(
    customer: Service, teller: httpx.AsyncClient, path: str, told: str
) -> None:
    known = await teller.get(path, headers={"If-None-Match": told})
    assert (known.status_code, known.content, known.headers["ETag"]) == (304, b"", '"1"')
    connection = await customer.connect()
    rows = await connection.fetch("SELECT content FROM audit_entries ORDER BY written_at DESC LIMIT 50")
    entries = [json.loads(row["content"]) for row in rows]
    (entry,) = [each for each in entries if each["trace_id"] == known.headers["Guanxi-Trace"]]
    assert (entry["status"], entry["customer_ids"]) == (304, [path.rpartition("/")[2]])


@pytest.mark.parametrize("told", ['"0"', "1", '"11"', ""])
async def test_another_version_is(teller: httpx.AsyncClient, path: str, told: str) -> None:
    assert (await teller.get(path, headers={"If-None-Match": told})).status_code == 200


async def test_after_a_change_it_is_sent_again(customer: Service, teller: httpx.AsyncClient, path: str) -> None:
    body = {**PHONE, "value": "13912345679"}
    changed = await customer.send(teller, f"{path.removeprefix('/api/v1/')}/contact-points", body, 1)
    assert changed.headers["ETag"] == '"2"'
    assert (await teller.get(path, headers={"If-None-Match": '"1"'})).json()["version"] == 2


async def test_out_of_scope_nobody_learns_a_version(customer: Service, path: str) -> None:
    await customer.know_staff("conditional-far", ["teller"], [await customer.know_unit("conditional-far")])
    far = customer.signed_in("conditional-far", "teller")
    assert (await far.get(path, headers={"If-None-Match": "*"})).status_code == 404


async def test_outlined_it_is_another_thing_to_have(customer: Service, teller: httpx.AsyncClient, path: str) -> None:
    auditor = customer.signed_in("conditional-auditor", "auditor")
    auditor.headers["Guanxi-Reason"] = "annual audit"
    shown = await auditor.get(path, headers={"If-None-Match": '"1"'})
    assert shown.status_code == 200
    tag = shown.headers["ETag"]
    assert (await auditor.get(path, headers={"If-None-Match": tag})).status_code == 304
    whole = await teller.get(path, headers={"If-None-Match": tag})
    assert whole.status_code == 200
    assert whole.json()["contact_points"] != shown.json()["contact_points"]


async def test_a_search_by_post_is_always_answered(customer: Service, teller: httpx.AsyncClient) -> None:
    document = {"type": "passport", "number": f"C{str(uuid4().int)[:8]}"}
    made = await customer.send(teller, "customers", {"name": "李娜", "documents": [document]})
    await customer.know_customer(UUID(made.json()["id"]), UUID(made.json()["home_unit_id"]))
    found = await teller.post("/api/v1/customers/find-by-document", json=document, headers={"If-None-Match": "*"})
    assert (found.status_code, found.json()["id"]) == (200, made.json()["id"])
