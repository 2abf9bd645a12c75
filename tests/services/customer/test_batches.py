"""Many customers by one request: all of them or none, and the same answer to whoever asks again."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from guanxi.demo.people import people
from tests.services.conftest import Opened, Service

PEOPLE = iter(people(4712, 400))
MOST = 100


@pytest.fixture(scope="module")
async def customers(service: Opened) -> Service:
    return await service("customer")


@pytest.fixture(scope="module")
async def teller(customers: Service) -> httpx.AsyncClient:
    unit = await customers.know_unit("bt1")
    await customers.know_staff("batch-teller", ["teller"], [unit])
    return customers.signed_in("batch-teller", "teller")


def one(**more: Any) -> dict[str, Any]:
    who = next(PEOPLE)
    document = {"type": who.document_type, "number": who.document}
    return {"name": who.name, "kind": who.kind, "documents": [document], **more}


def reference() -> dict[str, str]:
    return {"source": "batch", "source_id": str(uuid4())}


async def count(customers: Service) -> int:
    return int(await (await customers.connect()).fetchval("SELECT count(*) FROM customers"))


async def test_all_are_registered_in_the_order_in_which_they_were_asked_for(
    customers: Service, teller: httpx.AsyncClient
) -> None:
    asked = [one(source_reference=reference()) for _ in range(MOST)]
    answer = await customers.send(teller, "customers/batches", {"customers": asked})
    assert answer.status_code == 201, answer.text
    made = answer.json()["customers"]
    assert [each["name"] for each in made] == [each["name"] for each in asked]
    assert {each["status"] for each in made} == {"active"}
    ids = [UUID(each["id"]) for each in made]
    connection = await customers.connect()
    told = await connection.fetch("SELECT subject, type FROM outbox WHERE subject = ANY($1) ORDER BY id", ids)
    assert [row["subject"] for row in told if row["type"] == "crm.customer.registered.v1"] == ids
    entry = await connection.fetchval("SELECT content FROM audit_entries ORDER BY content::json->>'at' DESC LIMIT 1")
    assert all(str(id_) in entry for id_ in ids), "each of them is named"


async def test_asked_again_by_key_or_by_their_numbers_they_are_the_same(
    customers: Service, teller: httpx.AsyncClient
) -> None:
    body, headers = {"customers": [one(source_reference=reference()) for _ in range(3)]}, {"Idempotency-Key": "batch 1"}
    first = await teller.post("/api/v1/customers/batches", json=body, headers=headers)
    assert first.status_code == 201, first.text
    ids = [each["id"] for each in first.json()["customers"]]
    for id_ in ids:
        await customers.know_customer(UUID(id_), UUID(first.json()["customers"][0]["home_unit_id"]))
    again = await teller.post("/api/v1/customers/batches", json=body, headers=headers)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    more = {"customers": [*reversed(body["customers"]), one()]}
    anew = (await customers.send(teller, "customers/batches", more)).json()["customers"]
    assert [each["id"] for each in anew[:3]] == ids[::-1]
    assert anew[3]["id"] not in ids


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "customers.1.name"),
        ({"name": "王芳", "home_unit_id": str(uuid4())}, "customers.1.home_unit_id"),
        ({"name": "王芳", "documents": [{"type": "resident_id", "number": "1"}]}, "customers.1.documents.0.number"),
        ({"name": "王芳", "contact_points": [{"kind": "phone", "value": "1"}]}, "customers.1.contact_points.0.value"),
    ],
)
async def test_one_that_is_wrong_is_named_and_none_is_registered(
    customers: Service, teller: httpx.AsyncClient, wrong: dict[str, Any], field: str
) -> None:
    before = await count(customers)
    answer = await customers.send(teller, "customers/batches", {"customers": [one(), wrong, one()]})
    assert answer.status_code == 422, answer.text
    assert {error["field"] for error in answer.json()["errors"]} == {field}
    assert await count(customers) == before


async def test_nobody_is_in_it_twice(customers: Service, teller: httpx.AsyncClient) -> None:
    before, twin = await count(customers), one()
    answer = await customers.send(teller, "customers/batches", {"customers": [twin, one(), {**twin, "name": "王芳"}]})
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("customers.2: ")
    assert await count(customers) == before


@pytest.mark.parametrize("many", [0, MOST + 1])
async def test_a_batch_has_one_to_a_hundred(customers: Service, teller: httpx.AsyncClient, many: int) -> None:
    answer = await customers.send(teller, "customers/batches", {"customers": [{"name": "王芳"}] * many})
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {"customers"}


async def test_who_works_in_several_units_names_one_for_each(customers: Service) -> None:
    units = [await customers.know_unit(code) for code in ("bt2", "bt3")]
    await customers.know_staff("batch-both", ["teller"], units)
    both = customers.signed_in("batch-both", "teller")
    body = {"customers": [one(home_unit_id=str(units[0])), one()]}
    answer = await customers.send(both, "customers/batches", body)
    assert {error["field"] for error in answer.json()["errors"]} == {"customers.1.home_unit_id"}
