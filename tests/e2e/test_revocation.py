"""A role that was taken away is refused everywhere within 35 seconds, whatever the token says."""

import time
import uuid

import httpx
import pytest

from guanxi.local.issuer import ADMIN, ISSUER
from tests.e2e.person import Person, SignIn
from tests.polling import until

pytestmark = pytest.mark.deep

PATHS = ("/api/v1/customers", "/api/v1/complaints", "/api/v1/assignments", f"/api/v1/customers/{uuid.uuid4()}/360")


async def statuses(person: Person) -> list[int]:
    return [(await person.get(path)).status_code for path in PATHS]


async def test_a_revoked_role_is_refused_everywhere_within_35_seconds(signed_in: SignIn) -> None:
    admin = signed_in(ADMIN, "admin")
    member = await hire(admin)
    teller = signed_in("revoked", "teller")

    async def let_in() -> bool:
        return await statuses(teller) == [200, 200, 200, 404]

    await until(let_in)
    change = {"If-Match": f'"{member["version"]}"'}
    url = f"/api/v1/staff/{member['id']}/roles"
    changed = await admin.client.put(url, json={"roles": ["auditor"]}, headers=change)
    assert changed.status_code == 200, changed.text
    began = time.monotonic()

    async def refused() -> bool:
        return await statuses(teller) == [403] * 4

    await until(refused, seconds=35)
    assert time.monotonic() - began < 35


async def hire(admin: Person) -> dict[str, str]:
    unit = httpx.Response(0)

    async def opened() -> bool:
        nonlocal unit
        unit = await admin.post("/api/v1/org-units", {"code": "revoked", "name": "R", "kind": "branch"})
        return unit.status_code == 201

    await until(opened)
    body = {
        "number": "revoked",
        "name": "R",
        "unit_ids": [unit.json()["id"]],
        "roles": ["teller"],
        "logins": [{"issuer": ISSUER, "subject": "revoked"}],
    }
    hired = await admin.post("/api/v1/staff", body)
    assert hired.status_code == 201, hired.text
    made: dict[str, str] = hired.json()
    return made
