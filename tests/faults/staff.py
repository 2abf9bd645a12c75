"""The bank that the client works for: branches and their people, made through the REST API."""

from dataclasses import dataclass
from typing import Any

from guanxi.client import Client, Refused
from guanxi.local.issuer import ISSUER
from tests.polling import until

CODES = ("0101", "0201", "0301")
MANAGERS = 3
STAFF = 1 + len(CODES) * (MANAGERS + 3)
"""With the first administrator."""
UNITS = 1 + len(CODES)


@dataclass(frozen=True)
class Branch:
    """A branch; logins are the subjects of tokens, `<role>-<code>-<number>`."""

    code: str
    unit_id: str
    officer_id: str
    manager_ids: list[str]

    @property
    def teller(self) -> str:
        return f"teller-{self.code}-1"

    @property
    def officer(self) -> str:
        return f"complaint_officer-{self.code}-1"

    @property
    def head(self) -> str:
        return f"branch_head-{self.code}-1"


def role_of(login: str) -> str:
    return login.partition("-")[0]


async def found_bank(admin: Client) -> list[Branch]:
    await _until_known(admin)
    head_office = await _make(admin, "org-units", {"code": "01", "name": "Bank", "kind": "head_office"})
    return [await _branch(admin, code, head_office) for code in CODES]


async def _until_known(admin: Client) -> None:
    """The first administrator is founded by a worker, and heard of through Kafka."""

    async def is_known() -> bool:
        try:
            await admin.get("/api/v1/org-units")
        except Refused:
            return False
        return True

    await until(is_known)


async def _branch(admin: Client, code: str, parent: str) -> Branch:
    unit = await _make(admin, "org-units", {"code": code, "name": code, "kind": "branch", "parent_id": parent})
    for role in ("teller", "branch_head"):
        await _hire(admin, role, code, unit, 1)
    officer = await _hire(admin, "complaint_officer", code, unit, 1)
    managers = [await _hire(admin, "manager", code, unit, number) for number in range(1, MANAGERS + 1)]
    return Branch(code, unit, officer, managers)


async def _hire(admin: Client, role: str, code: str, unit: str, number: int) -> str:
    login = f"{role}-{code}-{number}"
    logins = [{"issuer": ISSUER, "subject": login}]
    body = {"number": login, "name": login, "unit_ids": [unit], "roles": [role], "logins": logins}
    return await _make(admin, "staff", body)


async def _make(admin: Client, what: str, body: dict[str, Any]) -> str:
    made, _ = await admin.post(f"/api/v1/{what}", body, key=f"faults {what} {sorted(body)} {body['name']}")
    return str(made["id"])
