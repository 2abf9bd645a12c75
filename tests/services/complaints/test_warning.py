"""Deadline warnings as events: each once for a complaint, clock and threshold, however many sweep."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest

from libs.directory.composition import service_database
from libs.directory.scope import SystemScope
from services.complaints.storage.section import PUBLICATIONS
from services.complaints.use_cases.warning import warn_of_deadlines
from tests.services.conftest import Opened, Service


@pytest.fixture(scope="module")
async def complaints(service: Opened) -> Service:
    return await service("complaints")


@pytest.fixture(scope="module")
async def customer_id(complaints: Service) -> UUID:
    unit, customer = await complaints.know_unit("w1"), uuid4()
    await complaints.know_staff("warn-teller", ["teller", "complaint_officer"], [unit])
    await complaints.know_customer(customer, unit)
    return customer


@pytest.fixture(scope="module")
def teller(complaints: Service) -> httpx.AsyncClient:
    return complaints.signed_in("warn-teller", "teller", "complaint_officer")


async def receive(teller: httpx.AsyncClient, customer_id: UUID) -> dict[str, str]:
    body = {
        "customer_id": str(customer_id),
        "regimes": ["nfra", "pboc"],
        "channel": "phone",
        "business": "loan",
        "cause": "information",
        "facts": "Nobody told me the fee.",
    }
    answer = await teller.post("/api/v1/complaints", json=body, headers={"Idempotency-Key": str(uuid4())})
    assert answer.status_code == 201, answer.text
    made: dict[str, str] = answer.json()
    return made


async def test_each_threshold_is_warned_of_once(
    complaints: Service, teller: httpx.AsyncClient, customer_id: UUID
) -> None:
    made = await receive(teller, customer_id)
    database = service_database(complaints.settings, PUBLICATIONS)
    now = complaints.app.chassis.clock.now()

    async def sweep(days: int) -> int:
        async with database.unit_of_work(SystemScope()) as uow:
            return await warn_of_deadlines(uow, now + timedelta(days=days))

    assert await sweep(1) == 0
    for days in (8, 13, 17, 30):
        await asyncio.gather(*[sweep(days) for _ in range(4)])
    connection = await complaints.connect()
    rows = await connection.fetch(
        "SELECT payload FROM outbox WHERE subject = $1 AND type = 'crm.complaint_deadline.warned.v1' ORDER BY id",
        UUID(made["id"]),
    )
    thresholds = [row["payload"].split(b'"threshold":')[1].split(b",")[0] for row in rows]
    assert thresholds == [b"50", b"80", b"100"]
    await database.close()


async def test_an_unknown_regime_is_named(teller: httpx.AsyncClient, customer_id: UUID) -> None:
    body = {
        "customer_id": str(customer_id),
        "regimes": ["moon"],
        "channel": "phone",
        "business": "loan",
        "cause": "information",
        "facts": "x",
    }
    answer = await teller.post("/api/v1/complaints", json=body, headers={"Idempotency-Key": str(uuid4())})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "regimes"


async def test_a_complaint_about_a_stranger_is_404(teller: httpx.AsyncClient) -> None:
    body = {"customer_id": str(uuid4()), "channel": "phone", "business": "loan", "cause": "c", "facts": "x"}
    answer = await teller.post("/api/v1/complaints", json=body, headers={"Idempotency-Key": str(uuid4())})
    assert answer.status_code == 404
