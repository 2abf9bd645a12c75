"""Who looks after whom: by the rule, by a person, and only by customer managers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from guanxi.local.issuer import ISSUER
from libs.common.database import Database
from libs.contracts.customer import CustomerRegistered, CustomerUpdated
from libs.directory.composition import service_database
from libs.directory.scope import SystemScope
from services.manager.event_handlers import on_customer_registered, on_customer_updated
from services.manager.storage.section import PUBLICATIONS
from services.manager.use_cases.assigning import assign_waiting_customers
from tests.services.conftest import Opened, Service


@pytest.fixture(scope="module")
async def manager(service: Opened) -> Service:
    return await service("manager")


@pytest.fixture(scope="module")
async def admin(manager: Service) -> httpx.AsyncClient:
    await manager.know_staff("as-admin", ["admin"], [])
    return manager.signed_in("as-admin", "admin")


@pytest.fixture(scope="module")
async def database(manager: Service) -> AsyncIterator[Database]:
    made = service_database(manager.settings, PUBLICATIONS)
    yield made
    await made.close()


async def unit(manager: Service, admin: httpx.AsyncClient, code: str) -> UUID:
    """A unit that the directory knows as well."""
    made = await manager.send(admin, "org-units", {"code": code, "name": code, "kind": "branch"})
    assert made.status_code == 201, made.text
    found = UUID(made.json()["id"])
    connection = await manager.connect()
    await connection.execute(
        "INSERT INTO directory.org_units (org_unit_id, version, changed_at, code, name, kind, path)"
        " VALUES ($1, 1, now(), $2, $2, 'branch', $3)",
        found, code, made.json()["path"],
    )  # fmt: skip
    return found


async def hired(manager: Service, admin: httpx.AsyncClient, number: str, role: str, where: UUID) -> dict[str, Any]:
    logins = [{"issuer": ISSUER, "subject": number}]
    body = {"number": number, "name": number, "unit_ids": [str(where)], "roles": [role], "logins": logins}
    made = await manager.send(admin, "staff", body)
    assert made.status_code == 201, made.text
    member: dict[str, Any] = made.json()
    return member


async def register(database: Database, where: UUID, count: int = 1) -> list[UUID]:
    """New customers, as the service hears of them."""
    ids = [uuid4() for _ in range(count)]
    for customer_id in ids:
        event = CustomerRegistered(
            occurred_at=datetime.now(UTC), customer_id=customer_id, kind="person", status="active", home_unit_id=where
        )
        async with database.unit_of_work(SystemScope()) as uow:
            await on_customer_registered(uow, event)
    return ids


async def mains(manager: Service, customers: list[UUID]) -> dict[UUID, str]:
    rows = await (await manager.connect()).fetch(
        "SELECT customer_id, staff_id FROM assignments WHERE customer_id = ANY($1) AND ended_at IS NULL", customers
    )
    return {row["customer_id"]: str(row["staff_id"]) for row in rows}


async def test_a_new_customer_goes_to_the_smallest_book_of_the_home_unit(
    manager: Service, admin: httpx.AsyncClient, database: Database
) -> None:
    here, elsewhere = await unit(manager, admin, "as1"), await unit(manager, admin, "as2")
    managers = [(await hired(manager, admin, f"as1-{n}", "manager", here))["id"] for n in range(2)]
    await hired(manager, admin, "as1-teller", "teller", here)
    await hired(manager, admin, "as2-1", "manager", elsewhere)
    customers = await register(database, here, 6)
    found = await mains(manager, customers)
    assert sorted(found.values()) == sorted(managers * 3)


async def test_customers_without_a_manager_wait_for_the_first_one(
    manager: Service, admin: httpx.AsyncClient, database: Database
) -> None:
    here = await unit(manager, admin, "as3")
    customers = await register(database, here, 3)
    assert await mains(manager, customers) == {}
    first = await hired(manager, admin, "as3-1", "manager", here)
    async with database.unit_of_work(SystemScope()) as uow:
        assert await assign_waiting_customers(uow, datetime.now(UTC)) >= len(customers)
    assert await mains(manager, customers) == dict.fromkeys(customers, first["id"])
    async with database.unit_of_work(SystemScope()) as uow:
        assert await assign_waiting_customers(uow, datetime.now(UTC)) == 0


async def test_another_main_manager_ends_the_one_before(
    manager: Service, admin: httpx.AsyncClient, database: Database
) -> None:
    here = await unit(manager, admin, "as4")
    first = await hired(manager, admin, "as4-1", "manager", here)
    second = await hired(manager, admin, "as4-2", "manager", here)
    [customer] = await register(database, here)
    assert await mains(manager, [customer]) == {customer: first["id"]}
    await manager.know_staff("as4-head", ["branch_head"], [here])
    await manager.know_customer(customer, here)
    head = manager.signed_in("as4-head", "branch_head")
    body = {"customer_id": str(customer), "staff_id": second["id"], "reason": "王女士希望换人"}
    made = await manager.send(head, "assignments", body)
    assert made.status_code == 201, made.text
    assert await mains(manager, [customer]) == {customer: second["id"]}
    listed = (await head.get("/api/v1/assignments", params={"customer_id": str(customer)})).json()["items"]
    assert [(a["rule"], a["ended_at"] is None) for a in listed] == [(None, True), ("smallest_book", False)]
    rows = await (await manager.connect()).fetch("SELECT payload FROM outbox WHERE key = $1", customer)
    assert len(rows) == 3
    assert all("王女士".encode() not in row["payload"] for row in rows), "a person's words went into an event"


async def test_only_a_customer_manager_looks_after_customers(
    manager: Service, admin: httpx.AsyncClient, database: Database
) -> None:
    here = await unit(manager, admin, "as5")
    teller = await hired(manager, admin, "as5-teller", "teller", here)
    [customer] = await register(database, here)
    await manager.know_staff("as5-head", ["branch_head"], [here])
    await manager.know_customer(customer, here)
    head = manager.signed_in("as5-head", "branch_head")
    for staff_id in (teller["id"], str(uuid4())):
        body = {"customer_id": str(customer), "staff_id": staff_id, "reason": "r"}
        refused = await manager.send(head, "assignments", body)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == "staff_id"


async def test_who_has_left_is_given_no_customers_and_leaves_once(
    manager: Service, admin: httpx.AsyncClient, database: Database
) -> None:
    here = await unit(manager, admin, "as8")
    gone = await hired(manager, admin, "as8-1", "manager", here)
    left = await manager.send(admin, f"staff/{gone['id']}/leave", None, gone["version"])
    assert left.json()["left_at"] is not None
    again = await manager.send(admin, f"staff/{gone['id']}/leave", None, left.json()["version"])
    assert again.status_code == 409
    customers = await register(database, here)
    assert await mains(manager, customers) == {}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("org-units", {"code": "as9", "name": "N", "kind": "branch", "parent_id": str(uuid4())}, "parent_id"),
        ("staff", {"number": "n", "name": "N", "unit_ids": [str(uuid4())], "roles": ["teller"]}, "unit_ids"),
        ("staff", {"number": "n", "name": "N", "unit_ids": [], "roles": ["teller"]}, "unit_ids"),
    ],
)
async def test_an_error_names_the_field(
    manager: Service, admin: httpx.AsyncClient, path: str, body: dict[str, Any], field: str
) -> None:
    refused = await manager.send(admin, path, body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == field


async def test_whoever_waits_waits_at_the_new_home(
    manager: Service, admin: httpx.AsyncClient, database: Database
) -> None:
    old, new = await unit(manager, admin, "as10"), await unit(manager, admin, "as11")
    there = await hired(manager, admin, "as11-1", "manager", new)
    customers = await register(database, old, 2)
    assert await mains(manager, customers) == {}
    event = CustomerUpdated(
        occurred_at=datetime.now(UTC), customer_id=customers[0], changed=["home_unit"], home_unit_id=new
    )
    async with database.unit_of_work(SystemScope()) as uow:
        await on_customer_updated(uow, event)
    assert await mains(manager, customers) == {customers[0]: there["id"]}


async def test_a_login_is_one_persons(manager: Service, admin: httpx.AsyncClient) -> None:
    here = await unit(manager, admin, "as12")
    await hired(manager, admin, "as12-1", "teller", here)
    body = {"number": "as12-2", "name": "N", "unit_ids": [str(here)], "roles": ["teller"]}
    login = {"issuer": ISSUER, "subject": "as12-1"}
    assert (await manager.send(admin, "staff", {**body, "logins": [login]})).status_code == 409
    other = (await manager.send(admin, "staff", body)).json()
    bound = await manager.send(admin, f"staff/{other['id']}/logins", login, other["version"])
    assert bound.status_code == 409


async def test_a_code_that_is_taken_is_named(manager: Service, admin: httpx.AsyncClient) -> None:
    await unit(manager, admin, "as7")
    refused = await manager.send(admin, "org-units", {"code": "as7", "name": "N", "kind": "branch"})
    assert refused.status_code == 409
    assert refused.json()["errors"] == [{"field": "code", "detail": "This code is taken already."}]


async def test_an_unknown_role_is_named(manager: Service, admin: httpx.AsyncClient) -> None:
    here = await unit(manager, admin, "as6")
    body = {"number": "as6-1", "name": "N", "unit_ids": [str(here)], "roles": ["wizard"]}
    refused = await manager.send(admin, "staff", body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "roles"
