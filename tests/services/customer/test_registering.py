"""Customers over REST: what is checked, what a document does, how they are found again."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from guanxi.demo.people import people
from services.customer.domain.identity_documents import DocumentType
from tests.services.conftest import Opened, Service

PEOPLE = iter(people(4711, 900))
PASSPORTS = (f"R{number:07d}" for number in range(100))


@pytest.fixture(scope="module")
async def customers(service: Opened) -> Service:
    return await service("customer")


@pytest.fixture(scope="module")
async def unit(customers: Service) -> UUID:
    unit = await customers.know_unit("r1")
    await customers.know_staff("reg-teller", ["teller"], [unit])
    return unit


@pytest.fixture(scope="module")
def teller(customers: Service, unit: UUID) -> httpx.AsyncClient:  # noqa: ARG001 - the unit is theirs
    return customers.signed_in("reg-teller", "teller")


WANG = {"type": "resident_id", "number": "119999199003070115"}
BACKWARDS = {"type": "passport", "valid_from": "2026-01-02", "valid_to": "2026-01-01"}


def passport() -> dict[str, str]:
    return {"type": "passport", "number": next(PASSPORTS)}


def fields(answer: httpx.Response) -> set[str]:
    assert answer.status_code == 422, answer.text
    return {error["field"] for error in answer.json()["errors"]}


async def registered(customers: Service, teller: httpx.AsyncClient, unit: UUID, **body: Any) -> dict[str, Any]:
    """A customer whom the directory knows as well, as it would hear over Kafka."""
    answer = await customers.send(teller, "customers", {"name": "王芳", **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    await customers.know_customer(UUID(made["id"]), unit)
    return made


async def test_a_resident_id_activates_and_tells_birth_date_and_gender(
    customers: Service, teller: httpx.AsyncClient, unit: UUID
) -> None:
    number = next(PEOPLE).document
    made = await registered(customers, teller, unit, documents=[{"type": "resident_id", "number": number}])
    assert made["status"] == "active"
    assert made["birth_date"].replace("-", "") == number[6:14]
    assert made["gender"] == ("1" if int(number[16]) % 2 else "2")
    assert made["documents"][0]["number"] == f"{number[:3]}***********{number[-4:]}"
    assert made["home_unit_id"] == str(unit)


async def test_without_a_document_that_is_valid_today_a_customer_is_a_prospect(
    customers: Service, teller: httpx.AsyncClient, unit: UUID
) -> None:
    expired = {**passport(), "valid_to": "2020-01-01"}
    not_yet = {**passport(), "valid_from": "2999-01-01"}
    for documents in ([], [expired], [not_yet]):
        assert (await registered(customers, teller, unit, documents=documents))["status"] == "prospect"


async def test_the_first_valid_document_activates_a_prospect(
    customers: Service, teller: httpx.AsyncClient, unit: UUID
) -> None:
    made = await registered(customers, teller, unit)
    answer = await customers.send(teller, f"customers/{made['id']}/documents", passport(), made["version"])
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == "active"
    types = await (await customers.connect()).fetch(
        "SELECT type FROM outbox WHERE subject = $1 ORDER BY id", UUID(made["id"])
    )
    assert [row["type"] for row in types] == [
        "crm.customer.registered.v1",
        "crm.customer.updated.v1",
        "crm.customer.activated.v1",
    ]


async def test_an_organisation_has_a_uscc_and_a_person_has_not(
    customers: Service, teller: httpx.AsyncClient, unit: UUID
) -> None:
    uscc = {"type": "uscc", "number": "91119999MA0000000W"}
    as_person = await customers.send(teller, "customers", {"name": "王芳", "documents": [uscc]})
    assert fields(as_person) == {"documents.0.type"}
    made = await registered(customers, teller, unit, kind="organisation", documents=[uscc])
    assert (made["kind"], made["status"]) == ("organisation", "active")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": " "}, "name"),
        (
            {"name": "王芳", "documents": [{"type": "resident_id", "number": "119999199003070114"}]},
            "documents.0.number",
        ),
        ({"name": "王芳", "documents": [{"type": "moon", "number": "1"}]}, "documents.0.type"),
        ({"name": "王芳", "contact_points": [{"kind": "phone", "value": "12"}]}, "contact_points.0.value"),
        ({"name": "王芳", "contact_points": [{"kind": "email", "value": "nobody"}]}, "contact_points.0.value"),
        ({"name": "王芳", "home_unit_id": str(uuid4())}, "home_unit_id"),
        ({"name": "王芳", "gender": "x"}, "gender"),
        ({"name": "王芳", "surprise": 1}, "surprise"),
        ({"name": "王\0芳"}, "name"),
        ({"name": "王芳", "contact_points": [{"kind": "address", "value": "——"}]}, "contact_points.0.value"),
        ({"name": "王芳", "documents": [{**BACKWARDS, "number": "P7654321"}]}, "documents.0.valid_to"),
        ({"name": "王芳", "birth_date": "1990-03-08", "documents": [WANG]}, "birth_date"),
        ({"name": "王芳", "gender": "2", "documents": [WANG]}, "gender"),
    ],
)
async def test_an_error_names_the_field_and_stores_nothing(
    customers: Service, teller: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    connection = await customers.connect()
    before = await connection.fetchval("SELECT count(*) FROM customers")
    answer = await customers.send(teller, "customers", body)
    assert fields(answer) == {field}
    assert await connection.fetchval("SELECT count(*) FROM customers") == before


async def test_nobody_registers_at_a_unit_beyond_their_reach(customers: Service, unit: UUID) -> None:
    elsewhere = await customers.know_unit("r3")
    below = await customers.know_unit("r1-1", f"/{unit}/")
    await customers.know_staff("reg-head", ["branch_head"], [unit])
    head = customers.signed_in("reg-head", "branch_head")
    refused = await customers.send(head, "customers", {"name": "王芳", "home_unit_id": str(elsewhere)})
    assert fields(refused) == {"home_unit_id"}
    made = await customers.send(head, "customers", {"name": "王芳", "home_unit_id": str(below)})
    assert made.status_code == 201, made.text


async def test_a_document_belongs_to_one_customer_and_finds_them(
    customers: Service, teller: httpx.AsyncClient, unit: UUID
) -> None:
    number = next(PEOPLE).document
    document = {"type": "resident_id", "number": number}
    made = await registered(customers, teller, unit, documents=[document])
    again = await customers.send(teller, "customers", {"name": "张伟", "documents": [document]})
    assert again.status_code == 409
    spaced = {**document, "number": f" {number[:6]} {number[6:].lower()} "}
    found = await teller.post("/api/v1/customers/find-by-document", json=spaced)
    assert found.json()["id"] == made["id"]
    unknown = await teller.post("/api/v1/customers/find-by-document", json=passport())
    assert unknown.status_code == 404


async def test_a_stranger_does_not_find_a_customer_by_their_document(
    customers: Service, teller: httpx.AsyncClient, unit: UUID
) -> None:
    document = passport()
    await registered(customers, teller, unit, documents=[document])
    await customers.know_staff("reg-stranger", ["teller"], [await customers.know_unit("r2")])
    stranger = customers.signed_in("reg-stranger", "teller")
    assert (await stranger.post("/api/v1/customers/find-by-document", json=document)).status_code == 404
    assert (await teller.post("/api/v1/customers/find-by-document", json=document)).status_code == 200


async def test_a_repeated_registration_waits_until_the_first_can_be_seen(
    customers: Service, teller: httpx.AsyncClient, unit: UUID
) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    first = await teller.post("/api/v1/customers", json={"name": "王芳"}, headers=key)
    early = await teller.post("/api/v1/customers", json={"name": "王芳"}, headers=key)
    assert early.status_code == 503
    assert early.headers["Retry-After"]
    connection = await customers.connect()
    made = UUID(first.json()["id"])
    await customers.know_customer(made, unit)
    await connection.execute("UPDATE directory.customers SET version = $2 WHERE customer_id = $1", made, 2**62)
    later = await teller.post("/api/v1/customers", json={"name": "王芳"}, headers=key)
    assert (later.status_code, later.json()) == (201, first.json())


async def test_a_login_is_bound_to_a_customer_and_taken_back(customers: Service, unit: UUID) -> None:
    await customers.know_staff("reg-binder", ["branch_head"], [unit])
    head = customers.signed_in("reg-binder", "branch_head")
    made = await registered(customers, head, unit)
    login = {"issuer": "https://bank.example", "subject": "wang"}
    path = f"customers/{made['id']}/logins"
    bound = await customers.send(head, path, login, made["version"])
    taken = await customers.send(head, f"{path}/unbind", login, bound.json()["version"])
    again = await customers.send(head, f"{path}/unbind", login, taken.json()["version"])
    assert [answer.status_code for answer in (bound, taken, again)] == [201, 200, 404]


async def test_a_source_reference_makes_a_registration_repeatable_for_ever(
    customers: Service, teller: httpx.AsyncClient, unit: UUID
) -> None:
    reference = {"source": "old system", "source_id": str(uuid4())}
    made = await registered(customers, teller, unit, source_reference=reference)
    again = await customers.send(teller, "customers", {"name": "another name", "source_reference": reference})
    assert again.json() == made


async def test_contact_points_are_normalised_masked_and_known_once(
    customers: Service, teller: httpx.AsyncClient, unit: UUID
) -> None:
    made = await registered(customers, teller, unit)
    path = f"customers/{made['id']}/contact-points"
    phone = {"kind": "phone", "value": "199 0000 1234"}
    first = await customers.send(teller, path, phone, made["version"])
    assert [point["value"] for point in first.json()["contact_points"]] == ["199****1234"]
    twice = await customers.send(teller, path, {**phone, "value": "+86 19900001234"}, first.json()["version"])
    assert twice.status_code == 409
    point = first.json()["contact_points"][0]["id"]
    headers = {"If-Match": f'"{first.json()["version"]}"'}
    removed = await teller.delete(f"/api/v1/{path}/{point}", headers=headers)
    assert removed.json()["contact_points"] == []
    assert (await teller.delete(f"/api/v1/{path}/{uuid4()}", headers={"If-Match": '"3"'})).status_code == 404


async def test_a_search_finds_any_part_of_a_chinese_name_and_treats_signs_as_signs(
    customers: Service, teller: httpx.AsyncClient, unit: UUID
) -> None:
    for name in ("欧阳娜娜", "欧阳修", "100%纯金", "某某（集团）有限公司", "Ａｃｍｅ　Ltd"):
        await registered(customers, teller, unit, name=name)

    async def found(name: str) -> list[str]:
        rows = (await teller.get("/api/v1/customers", params={"name": name})).json()["items"]
        return sorted(row["name"] for row in rows)

    assert await found("欧阳") == ["欧阳修", "欧阳娜娜"]
    assert await found("娜") == ["欧阳娜娜"]
    assert await found("%") == ["100%纯金"]
    assert await found("阳欧") == []
    for asked in ("某某（集团）有限公司", "(集团)"):
        assert await found(asked) == ["某某（集团）有限公司"]
    assert await found("acme ltd") == ["Ａｃｍｅ　Ltd"]
    assert (await teller.get("/api/v1/customers?name=%00")).status_code == 422


def test_every_document_type_can_be_registered() -> None:
    assert {kind.value for kind in DocumentType} >= {"resident_id", "passport", "uscc", "other"}


@pytest.mark.parametrize(
    ("kind", "last_four"), [("identity_document", "4567"), ("contact_point", "8765"), ("account", "9876")]
)
async def test_a_customer_is_found_by_the_last_four_characters(
    customers: Service, teller: httpx.AsyncClient, unit: UUID, kind: str, last_four: str
) -> None:
    """Of a document, a phone number, an account number, whoever of several it is."""
    number = f"P{uuid4().int % 1000:03d}4567"
    made = await registered(
        customers,
        teller,
        unit,
        documents=[{"type": "passport", "number": number}],
        contact_points=[{"kind": "phone", "value": "13800138765"}, {"kind": "email", "value": "a8765@example.com"}],
    )
    account = {"customer_id": made["id"], "kind": "savings", "product": "p", "number": f"{uuid4().int % 10**12}9876"}
    assert (await customers.send(teller, "accounts", account)).status_code == 201

    async def found(last_four: str) -> list[str]:
        body = {"kind": kind, "last_four": last_four}
        answer = await teller.post("/api/v1/customers/find-by-last-four", json=body, params={"limit": "200"})
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    assert made["id"] in await found(last_four)
    assert made["id"] not in await found("0000")
    newest = "SELECT content::jsonb->'terms'->>0 FROM audit_entries WHERE content LIKE '%last-four%' ORDER BY written_at DESC"
    assert (await (await customers.connect()).fetchval(newest)).startswith(f"last_four_of_{kind}=")
    wrong = await teller.post("/api/v1/customers/find-by-last-four", json={"kind": kind, "last_four": "12"})
    assert fields(wrong) == {"last_four"}


@pytest.mark.parametrize("name", ["find-by-document", "find-by-last-four"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_name_in_an_ids_place_is_no_id(teller: httpx.AsyncClient, name: str, method: str) -> None:
    refused = await teller.request(method, f"/api/v1/customers/{name}")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")
    assert refused.headers["content-type"] == "application/problem+json"
    assert fields(await teller.get("/api/v1/customers/nobody")) == {"customer_id"}
