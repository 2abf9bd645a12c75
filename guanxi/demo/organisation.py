"""The demo bank's branches and people, through the REST API with fixed Idempotency-Keys."""

from dataclasses import dataclass
from typing import Any

from guanxi.client import Client
from guanxi.demo.plan import BRANCHES
from guanxi.local.issuer import ISSUER

STAFF = (
    ("branch_head", 1), ("team_lead", 1), ("manager", 4), ("teller", 1), ("complaint_officer", 1),
    ("marketing_officer", 1),
)  # fmt: skip

TITLES = {
    "branch_head": "支行行长", "team_lead": "团队主管", "manager": "客户经理", "teller": "柜员",
    "complaint_officer": "投诉专员", "marketing_officer": "营销专员",
}  # fmt: skip


@dataclass(frozen=True)
class Branch:
    code: str
    unit_id: str
    officer_id: str
    """Of the complaint officer."""

    def login(self, role: str) -> str:
        return f"{role}-{self.code}-1"


async def found(admin: Client) -> list[Branch]:
    """The bank, or what of it is missing."""
    await admin.until_known("/api/v1/org-units")
    head_office = await _unit(admin, "01", "示范银行", "head_office", None)
    branches = []
    for code, name in BRANCHES:
        unit = await _unit(admin, code, name, "branch", head_office)
        ids = {role: await _staff(admin, role, code, unit, count) for role, count in STAFF}
        branches.append(Branch(code, unit, ids["complaint_officer"]))
    return branches


async def _unit(admin: Client, code: str, name: str, kind: str, parent: str | None) -> str:
    return await _once(admin, "org-units", "code", {"code": code, "name": name, "kind": kind, "parent_id": parent})


async def _staff(admin: Client, role: str, code: str, unit: str, count: int) -> str:
    """So many in a role; returns the last one's id."""
    id_ = ""
    for place in range(1, count + 1):
        login = f"{role}-{code}-{place}"
        body = {
            "number": login,
            "name": f"示范{TITLES[role]}{code}-{place}",
            "unit_ids": [unit],
            "roles": [role],
            "logins": [{"issuer": ISSUER, "subject": login}],
        }
        id_ = await _once(admin, "staff", "number", body)
    return id_


async def _once(admin: Client, what: str, name: str, body: dict[str, Any]) -> str:
    """Create a thing, or find it where it stands already."""
    found_ = await admin.get(f"/api/v1/{what}", **{name: body[name]})
    if found_["items"]:
        return str(found_["items"][0]["id"])
    made, _ = await admin.post(f"/api/v1/{what}", body, key=f"demo {what} {body[name]}")
    return str(made["id"])
