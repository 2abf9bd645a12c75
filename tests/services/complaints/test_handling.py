"""A complaint's way over REST, and who may be given one."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.services.conftest import Opened, Service


@pytest.fixture(scope="module")
async def complaints(service: Opened) -> Service:
    return await service("complaints")


@pytest.fixture(scope="module")
async def unit(complaints: Service) -> UUID:
    return await complaints.know_unit("h1")


@pytest.fixture(scope="module")
async def officer_id(complaints: Service, unit: UUID) -> UUID:
    return await complaints.know_staff("h-officer", ["complaint_officer"], [unit])


@pytest.fixture(scope="module")
async def officer(complaints: Service, officer_id: UUID) -> httpx.AsyncClient:  # noqa: ARG001 - signs in as this one
    return complaints.signed_in("h-officer", "complaint_officer")


async def accepted(complaints: Service, officer: httpx.AsyncClient, unit: UUID) -> dict[str, Any]:
    customer = uuid4()
    await complaints.know_customer(customer, unit)
    body = {"customer_id": str(customer), "channel": "phone", "business": "loan", "cause": "fees", "facts": "F."}
    made = (await complaints.send(officer, "complaints", body)).json()
    answer = await complaints.send(officer, f"complaints/{made['id']}/accept", None, made["version"])
    assert answer.status_code == 200, answer.text
    complaint: dict[str, Any] = answer.json()
    return complaint


async def test_a_complaint_goes_to_somebody_who_can_reply_to_it(
    complaints: Service, officer: httpx.AsyncClient, officer_id: UUID, unit: UUID
) -> None:
    complaint = await accepted(complaints, officer, unit)
    path, version = f"complaints/{complaint['id']}/assign", complaint["version"]
    teller = await complaints.know_staff("h-teller", ["teller"], [unit])
    stranger = await complaints.know_staff("h-stranger", ["complaint_officer"], [await complaints.know_unit("h2")])
    for nobody in (uuid4(), teller, stranger):
        refused = await complaints.send(officer, path, {"handler_id": str(nobody)}, version)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == "handler_id"
    assigned = await complaints.send(officer, path, {"handler_id": str(officer_id)}, version)
    assert assigned.status_code == 200
    assert assigned.json()["handler_id"] == str(officer_id)


async def test_a_move_out_of_turn_names_the_moves_that_are_allowed(
    complaints: Service, officer: httpx.AsyncClient, unit: UUID
) -> None:
    complaint = await accepted(complaints, officer, unit)
    body = {"decision": "D.", "channel": "phone"}
    refused = await complaints.send(officer, f"complaints/{complaint['id']}/reply", body, complaint["version"])
    assert refused.status_code == 409
    assert refused.json()["allowed"] == ["assign"]


async def test_lists_are_filtered_and_scoped(complaints: Service, officer: httpx.AsyncClient, unit: UUID) -> None:
    complaint = await accepted(complaints, officer, unit)
    mine = {"customer_id": complaint["customer_id"]}
    for status, count in (("accepted", 1), ("closed", 0)):
        found = await officer.get("/api/v1/complaints", params={**mine, "status": status})
        assert len(found.json()["items"]) == count
    await complaints.know_staff("h-other", ["branch_head"], [await complaints.know_unit("h3")])
    other = complaints.signed_in("h-other", "branch_head")
    assert (await other.get("/api/v1/complaints", params=mine)).json()["items"] == []
    assert (await other.get(f"/api/v1/complaints/{complaint['id']}")).status_code == 404
