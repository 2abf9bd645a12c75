"""Grants open one customer to one member of staff for a time, walls close one: the staff reference says so."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from guanxi.local.issuer import ISSUER
from libs.directory.composition import service_database
from libs.directory.scope import SystemScope
from services.manager.storage.section import PUBLICATIONS, STAFF
from services.manager.use_cases.granting import end_lapsed_access
from tests.services.conftest import Opened, Service


@pytest.fixture(scope="module")
async def manager(service: Opened) -> Service:
    return await service("manager")


@pytest.fixture(scope="module")
async def branch(manager: Service) -> UUID:
    return await manager.know_unit("granting")


@pytest.fixture(scope="module")
async def head(manager: Service, branch: UUID) -> httpx.AsyncClient:
    await manager.know_staff("granting-head", ["branch_head"], [branch])
    return manager.signed_in("granting-head", "branch_head")


@pytest.fixture(scope="module")
async def compliance(manager: Service) -> httpx.AsyncClient:
    await manager.know_staff("granting-compliance", ["compliance"], [])
    return manager.signed_in("granting-compliance", "compliance")


@pytest.fixture
async def customer(manager: Service, branch: UUID) -> UUID:
    customer_id = uuid4()
    await manager.know_customer(customer_id, branch)
    return customer_id


@pytest.fixture
async def member(manager: Service) -> UUID:
    """Somebody who works elsewhere."""
    staff_id = uuid4()
    await (await manager.connect()).execute(
        "INSERT INTO staff (id, version, number, name, unit_ids, roles, logins, hired_at)"
        " VALUES ($1, 1, $2, 'Li', '{}', '{manager}', '{}', now())",
        staff_id, str(staff_id),
    )  # fmt: skip
    return staff_id


async def reference(manager: Service, staff_id: UUID) -> dict[str, Any]:
    rows = await (await manager.connect()).fetch(STAFF, [staff_id])
    document: dict[str, Any] = json.loads(rows[0][1])
    return document


def grant(customer: UUID, member: UUID, days: float) -> dict[str, Any]:
    ends_at = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    return {"customer_id": str(customer), "staff_id": str(member), "reason": "a joint loan", "ends_at": ends_at}


async def test_a_grant_stands_in_the_reference_until_it_is_ended(
    manager: Service, head: httpx.AsyncClient, customer: UUID, member: UUID
) -> None:
    given = (await manager.send(head, "access-grants", grant(customer, member, 30))).json()
    assert (await reference(manager, member))["grants"] == [str(customer)]
    lasting = await head.get("/api/v1/access-grants", params={"staff_id": str(member), "lasting": True})
    assert [item["id"] for item in lasting.json()["items"]] == [given["id"]]
    path = f"access-grants/{given['id']}/end"
    ended = await manager.send(head, path, {"reason": "the loan is paid out"}, version=given["version"])
    assert ended.json()["ended_at"]
    assert (await reference(manager, member))["grants"] == []
    again = await manager.send(head, path, {"reason": "again"}, version=ended.json()["version"])
    assert again.status_code == 409


@pytest.mark.parametrize("days", [-1, 400])
async def test_a_grant_ends_in_the_future_and_within_a_year(
    manager: Service, head: httpx.AsyncClient, customer: UUID, member: UUID, days: float
) -> None:
    refused = await manager.send(head, "access-grants", grant(customer, member, days))
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "ends_at"


async def test_a_grant_lapses_by_itself(
    manager: Service, head: httpx.AsyncClient, customer: UUID, member: UUID
) -> None:
    await manager.send(head, "access-grants", grant(customer, member, 1))
    database = service_database(manager.settings, PUBLICATIONS)
    for days, left in ((0.5, [str(customer)]), (1.5, [])):
        async with database.unit_of_work(SystemScope()) as uow:
            await end_lapsed_access(uow, datetime.now(UTC) + timedelta(days=days))
        assert (await reference(manager, member))["grants"] == left
    await database.close()


async def test_a_wall_stands_in_the_reference_until_it_is_lifted(
    manager: Service, compliance: httpx.AsyncClient, customer: UUID, member: UUID
) -> None:
    body = {"customer_id": str(customer), "staff_id": str(member), "reason": "advises the bidder"}
    raised = (await manager.send(compliance, "ethical-walls", body)).json()
    assert (await reference(manager, member))["walls"] == [str(customer)]
    assert (await manager.send(compliance, "ethical-walls", body)).status_code == 409
    path = f"ethical-walls/{raised['id']}/lift"
    lifted = await manager.send(compliance, path, {"reason": "the bid is over"}, version=raised["version"])
    assert lifted.json()["lifted_at"]
    assert (await reference(manager, member))["walls"] == []


async def test_walls_are_compliances_business_and_nobody_gives_access_to_whom_they_do_not_reach(
    manager: Service, head: httpx.AsyncClient, member: UUID, customer: UUID
) -> None:
    elsewhere = uuid4()
    await manager.know_customer(elsewhere, await manager.know_unit(f"elsewhere {elsewhere}"))
    wall = {"customer_id": str(customer), "staff_id": str(member), "reason": "r"}
    assert (await manager.send(head, "ethical-walls", wall)).status_code == 403
    assert (await head.get("/api/v1/ethical-walls")).status_code == 403
    assert (await manager.send(head, "access-grants", grant(elsewhere, member, 1))).status_code == 404
    nobody = await manager.send(head, "access-grants", grant(customer, uuid4(), 1))
    assert nobody.json()["errors"][0]["field"] == "staff_id"


async def test_whoever_was_let_in_lets_in_nobody_and_nobody_lets_in_themselves(
    manager: Service, head: httpx.AsyncClient, customer: UUID, member: UUID
) -> None:
    elsewhere = uuid4()
    await manager.know_customer(elsewhere, await manager.know_unit(f"elsewhere {elsewhere}"))
    guest = await manager.know_staff("granting-guest", ["branch_head"], [await manager.know_unit("granting-guest")])
    connection = await manager.connect()
    await connection.execute("UPDATE directory.staff SET grants = $2 WHERE staff_id = $1", guest, [elsewhere])
    let_in = manager.signed_in("granting-guest", "branch_head")
    assert (await manager.send(let_in, "access-grants", grant(elsewhere, member, 1))).status_code == 404
    me = await connection.fetchval(
        "SELECT staff_id FROM directory.staff WHERE logins @> $1", [f"{ISSUER} granting-head"]
    )
    await connection.execute(
        "INSERT INTO staff (id, version, number, name, unit_ids, roles, logins, hired_at)"
        " VALUES ($1, 1, $2, 'Li', '{}', '{branch_head}', '{}', now())",
        me, str(me),
    )  # fmt: skip
    to_myself = await manager.send(head, "access-grants", grant(customer, me, 1))
    assert to_myself.json()["errors"][0]["field"] == "staff_id"
