"""The timeline: each event of any service once for each customer; and how customers are related."""

import asyncio
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from libs.common.database import Database, Heard
from libs.common.domain import DomainEvent
from libs.common.hearing import Told
from libs.contracts.complaints import ComplaintClosed
from libs.contracts.customer import AccountOpened, CustomerRegistered, CustomerRelationAdded, PiiRevealed
from libs.contracts.manager import AccessGrantGiven, EthicalWallRaised
from libs.directory.scope import SystemScope
from services.customer.api.interactions import GUARDED
from services.customer.event_handlers import SUBSCRIPTION
from tests.services.conftest import Service

NOW = datetime(2026, 3, 1, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
async def teller(customers: Service) -> httpx.AsyncClient:
    await customers.know_staff("histories-teller", ["teller"], [await customers.know_unit("histories")])
    return customers.signed_in("histories-teller", "teller")


@pytest.fixture
async def known(customers: Service, teller: httpx.AsyncClient) -> list[UUID]:
    """Two customers of the teller's."""
    unit = await (await customers.connect()).fetchval(
        "SELECT org_unit_id FROM directory.org_units WHERE code = 'histories'"
    )
    ids = []
    for _ in range(2):
        made = await customers.send(teller, "customers", {"name": "张伟", "home_unit_id": str(unit)})
        ids.append(UUID(made.json()["id"]))
        await customers.know_customer(ids[-1], unit)
    return ids


async def hear(
    database: Database, event: DomainEvent, *, service: str, event_id: UUID | None = None, sequence: int = 1
) -> UUID:
    heard = Heard(event_id or uuid4(), service, sequence)
    async with database.unit_of_work(SystemScope()) as uow:
        await SUBSCRIPTION.tell(uow, event.type, [Told(event, heard)])
    return heard.event_id


async def timeline(teller: httpx.AsyncClient, **wanted: str) -> list[dict[str, Any]]:
    return list((await teller.get("/api/v1/interactions", params=wanted)).json()["items"])


def closed(customer_id: UUID) -> ComplaintClosed:
    return ComplaintClosed(occurred_at=NOW, complaint_id=uuid4(), customer_id=customer_id)


async def test_what_happens_in_any_service_is_remembered_once(
    database: Database, teller: httpx.AsyncClient, known: list[UUID]
) -> None:
    registered = CustomerRegistered(
        occurred_at=NOW, customer_id=known[0], kind="person", status="active", home_unit_id=None
    )
    ids = [UUID(int=(1 << 120) + place) for place in range(2)]
    event = closed(known[0])
    for _ in range(2):
        await hear(database, registered, service="customer", event_id=ids[0])
        await hear(database, event, service="complaints", event_id=ids[1], sequence=5)
    newest, oldest = await timeline(teller, customer_id=str(known[0]))
    assert newest == {
        "id": str(ids[1]),
        "version": 5,
        "customer_id": str(known[0]),
        "service": "complaints",
        "type": "crm.complaint.closed.v1",
        "subject": str(event.complaint_id),
        "occurred_at": "2026-03-01T04:00:00Z",
        "facts": {"complaint_id": str(event.complaint_id)},
    }
    assert (oldest["type"], oldest["facts"]["status"]) == ("crm.customer.registered.v1", "active")
    assert await timeline(teller, customer_id=str(known[0]), service="complaints") == [newest]
    assert await timeline(teller, customer_id=str(known[0]), type="crm.customer.registered.v1") == [oldest]
    assert await timeline(teller, customer_id=str(known[1])) == []


async def test_an_event_of_two_customers_is_in_both_timelines(
    database: Database, teller: httpx.AsyncClient, known: list[UUID]
) -> None:
    related = CustomerRelationAdded(
        occurred_at=NOW, relation_id=uuid4(), customer_id=known[0], related_id=known[1], kind="spouse"
    )
    event_id = await hear(database, related, service="customer")
    for each in known:
        (row,) = await timeline(teller, customer_id=str(each))
        assert (row["id"], row["facts"]) == (str(event_id), {"relation_id": str(related.relation_id), "kind": "spouse"})


async def test_nobody_reads_a_balance_in_the_timeline_of_whom_the_account_is_not(
    database: Database, teller: httpx.AsyncClient, known: list[UUID]
) -> None:
    opened = AccountOpened(
        occurred_at=NOW, account_id=uuid4(), customer_id=known[0], holder_ids=list(known), kind="savings", product="p",
        currency="CNY", opened_on=None, balance=Decimal(900_000),
    )  # fmt: skip
    await hear(database, opened, service="customer")
    for each in known:
        (row,) = await timeline(teller, customer_id=str(each))
        assert "900000" not in str(row)


@pytest.mark.parametrize("event", [EthicalWallRaised, AccessGrantGiven, PiiRevealed])
async def test_what_not_everybody_may_know_is_told_to_whom_it_is_for(
    customers: Service, database: Database, teller: httpx.AsyncClient, known: list[UUID], event: type[DomainEvent]
) -> None:
    officer = f"histories-compliance-{uuid4()}"
    await customers.know_staff(officer, ["compliance"], [])
    told: dict[str, Any] = {
        "occurred_at": NOW, "customer_id": known[0], "staff_id": uuid4(), "ends_at": NOW, "expires_at": NOW,
        "kind": "account", **{f"{thing}_id": uuid4() for thing in ("ethical_wall", "access_grant", "reveal", "thing")},
    }  # fmt: skip
    named = {each.name: told[each.name] for each in fields(event)}
    await hear(database, event(**named), service="manager")
    assert await timeline(teller, customer_id=str(known[0])) == []
    compliance = customers.signed_in(officer, "compliance")
    assert [row["type"] for row in await timeline(compliance, customer_id=str(known[0]))] == [event.type]


def test_what_is_guarded_is_what_is_published() -> None:
    assert set(GUARDED) <= set(SUBSCRIPTION.types)


async def test_a_timeline_is_paged(database: Database, teller: httpx.AsyncClient, known: list[UUID]) -> None:
    told = [await hear(database, closed(known[0]), service="complaints") for _ in range(5)]
    seen, cursor = [], None
    while True:
        query = {"customer_id": str(known[0]), "limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await teller.get("/api/v1/interactions", params=query)).json()
        seen += [UUID(row["id"]) for row in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == sorted(told, reverse=True)


async def test_customers_are_related_and_part(customers: Service, teller: httpx.AsyncClient, known: list[UUID]) -> None:
    one, other = map(str, known)
    body = {"customer_id": one, "related_id": other, "kind": "spouse"}
    made = await customers.send(teller, "customer-relations", body)
    assert made.status_code == 201, made.text
    relation = made.json()
    again = await customers.send(teller, "customer-relations", body)
    assert again.status_code == 409
    listed = await teller.get("/api/v1/customer-relations", params={"customer_id": one, "standing": "true"})
    assert listed.json()["items"] == [relation]
    assert (await teller.get(f"/api/v1/customer-relations/{relation['id']}")).json() == relation
    other_way = await teller.get("/api/v1/customer-relations", params={"customer_id": other})
    assert other_way.json()["items"] == [relation]
    mirrored = {"customer_id": other, "related_id": one, "kind": "spouse"}
    assert (await customers.send(teller, "customer-relations", mirrored)).status_code == 409
    ended = await customers.send(teller, f"customer-relations/{relation['id']}/end", None, relation["version"])
    assert ended.json()["ended_at"] is not None
    twice = await customers.send(teller, f"customer-relations/{relation['id']}/end", None, ended.json()["version"])
    assert twice.status_code == 409
    listed = await teller.get("/api/v1/customer-relations", params={"customer_id": one, "standing": "true"})
    assert listed.json()["items"] == []
    assert (await customers.send(teller, "customer-relations", body)).status_code == 201, "and meet again"


async def test_of_many_who_relate_two_at_once_one_does(
    customers: Service, teller: httpx.AsyncClient, known: list[UUID]
) -> None:
    body = {"customer_id": str(known[0]), "related_id": str(known[1]), "kind": "sibling"}
    answers = await asyncio.gather(*[customers.send(teller, "customer-relations", body) for _ in range(8)])
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(201), set(statuses) <= {201, 409, 503}) == (1, True)


@pytest.mark.parametrize("unknown", ["customer_id", "related_id"])
async def test_nobody_is_related_to_whom_one_may_not_see(
    customers: Service, teller: httpx.AsyncClient, known: list[UUID], unknown: str
) -> None:
    body = {"customer_id": str(known[0]), "related_id": str(known[1]), "kind": "child", unknown: str(uuid4())}
    assert (await customers.send(teller, "customer-relations", body)).status_code == 404


async def test_nobody_is_related_to_themselves(
    customers: Service, teller: httpx.AsyncClient, known: list[UUID]
) -> None:
    body = {"customer_id": str(known[0]), "related_id": str(known[0]), "kind": "child"}
    refused = await customers.send(teller, "customer-relations", body)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "related_id")
