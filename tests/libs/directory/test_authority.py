"""Effective roles, reach, and authority that has grown old."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from libs.directory.permissions import CASES, CHANGE, PERMISSIONS, READ, Reach, reach_of
from services.manager.domain.roles import ROLES
from tests.services.conftest import Opened, service  # noqa: F401 - a fixture


async def test_roles_count_where_token_and_directory_agree(service: Opened) -> None:  # noqa: F811
    customer = await service("customer")
    unit = await customer.know_unit("a1")
    await customer.know_staff("both", ["teller"], [unit])
    asked = {"teller": 200, "compliance": 403}
    for role, status in asked.items():
        answer = await customer.signed_in("both", role).get("/api/v1/customers")
        assert answer.status_code == status


async def test_an_auditor_says_why_with_every_request(service: Opened) -> None:  # noqa: F811
    customer = await service("customer")
    await customer.know_staff("audits", ["auditor"], [await customer.know_unit("a4")])
    auditor = customer.signed_in("audits", "auditor")
    refused = await auditor.get("/api/v1/customers")
    assert refused.status_code == 400
    assert "Guanxi-Reason" in refused.json()["detail"]
    assert (await auditor.get("/api/v1/customers", headers={"Guanxi-Reason": " "})).status_code == 400
    assert (await auditor.get("/api/v1/customers", headers={"Guanxi-Reason": "review 7"})).status_code == 200


async def test_a_login_that_nobody_bound_is_refused(service: Opened) -> None:  # noqa: F811
    customer = await service("customer")
    assert (await customer.signed_in("nobody", "compliance").get("/api/v1/customers")).status_code == 403


async def test_staff_are_refused_once_the_directory_is_old_and_customers_go_on(service: Opened) -> None:  # noqa: F811
    complaints = await service("complaints")
    unit, own = await complaints.know_unit("a2"), uuid4()
    await complaints.know_staff("stale", ["teller"], [unit])
    await complaints.know_customer(own, unit)
    connection = await complaints.connect()
    await connection.execute(
        "UPDATE directory.customers SET logins = $2 WHERE customer_id = $1", own, ["http://issuer.guanxi.localhost me"]
    )
    body = {"channel": "mobile", "business": "loan", "cause": "fees", "facts": "F."}
    await complaints.hear(datetime.now(UTC) - timedelta(seconds=complaints.settings.authz_max_age + 1))
    try:
        refused = await complaints.signed_in("stale", "teller").get("/api/v1/complaints")
        assert refused.status_code == 503
        assert refused.headers["Retry-After"]
        received = await complaints.send(complaints.signed_in("me", "customer"), "me/complaints", body)
        assert received.status_code == 201
        assert (await complaints.signed_in("p", "partner").get("/api/v1/complaints")).status_code == 503
    finally:
        await complaints.hear()
    assert (await complaints.signed_in("stale", "teller").get("/api/v1/complaints")).status_code == 200


async def test_a_teller_reaches_the_own_branch_and_a_head_the_tree(service: Opened) -> None:  # noqa: F811
    complaints = await service("customer")
    root = await complaints.know_unit("a3")
    below = await complaints.know_unit("a3-1", f"/{root}/")
    for place, unit in ((1, root), (2, below)):
        await complaints.know_staff(f"a3-teller-{place}", ["teller"], [unit])
        await complaints.know_staff(f"a3-head-{place}", ["branch_head"], [unit])
    connection = await complaints.connect()
    ids = {unit: uuid4() for unit in (root, below)}
    for unit, customer_id in ids.items():
        await complaints.know_customer(customer_id, unit)
        await connection.execute(
            "INSERT INTO customers VALUES"
            " ($1, 1, 'person', 'A', 'a', '{}', 'active', $2, NULL, NULL, NULL, '{}', now())",
            customer_id, unit,
        )  # fmt: skip
    sees = {
        ("a3-teller-1", "teller"): {root},
        ("a3-teller-2", "teller"): {below},
        ("a3-head-1", "branch_head"): {root, below},
        ("a3-head-2", "branch_head"): {below},
    }
    for (subject, role), units in sees.items():
        client = complaints.signed_in(subject, role)
        listed = {row["id"] for row in (await client.get("/api/v1/customers")).json()["items"]}
        assert listed == {str(ids[unit]) for unit in units}
        for unit, customer_id in ids.items():
            answer = await client.get(f"/api/v1/customers/{customer_id}")
            assert answer.status_code == (200 if unit in units else 404)


def test_every_role_stands_in_every_table() -> None:
    everybody = ROLES | {"customer", "partner"}
    assert set(READ) == set(CHANGE) == set(PERMISSIONS) == everybody


@pytest.mark.parametrize("role", sorted(READ))
def test_nobody_changes_what_they_cannot_read(role: str) -> None:
    assert CHANGE[role] <= READ[role]


def test_a_complaint_officer_reaches_further_where_complaints_are_asked_for() -> None:
    officer = frozenset({"complaint_officer"})
    assert reach_of(officer, READ) == {Reach.CASE}
    assert reach_of(officer, READ, CASES) == {Reach.CASE, Reach.BRANCH_TREE}
