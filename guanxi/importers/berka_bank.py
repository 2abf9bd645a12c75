"""The Berka bank's branches, people and clients, through the REST API with fixed Idempotency-Keys."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from guanxi.client import Client, Refused
from guanxi.importers.berka_records import BankClient, BerkaFiles, District
from guanxi.importers.berka_statements import SOURCE, branch_code
from guanxi.local.issuer import ISSUER

HEAD = "branch_head"
IMPORTER = f"{HEAD}-{SOURCE}"
"""The login of the one who registers the clients: the head of the head office reaches every branch below it."""
GENDERS = {"M": "1", "F": "2"}
"""GB/T 2261.1."""
PATIENCE_SECONDS = 60.0

T = TypeVar("T")


@dataclass
class BerkaBank:
    """What stands at the API so far: `branches` maps a district to its unit's id."""

    files: BerkaFiles
    admin: Client
    importer: Client
    head_office: str = ""

    def __post_init__(self) -> None:
        self.branches: dict[int, str] = {}

    async def open_head_office(self) -> None:
        self.head_office = await self._unit(SOURCE, "Berka", "head_office", None)
        await self._staff(IMPORTER, "Synthetic head of Berka", HEAD, self.head_office)

    async def open_branch(self, district: District) -> None:
        """A branch with a head and a manager; nothing in the files tells of either, so their names say so."""
        code = branch_code(district.district_id)
        unit = await self._unit(code, district.name, "branch", self.head_office)
        for role in (HEAD, "manager"):
            await self._staff(f"{role}-{code}", f"Synthetic {role.replace('_', ' ')} of {district.name}", role, unit)
        self.branches[district.district_id] = unit

    async def importer_is_known(self) -> None:
        """Return once the customer service has heard of the importer."""

        async def ask() -> Any:
            return await self.importer.get("/api/v1/customers", limit="1")

        await patiently(ask, lambda refused: refused.status == HTTPStatus.FORBIDDEN)

    async def register(self, clients: Sequence[BankClient]) -> None:
        body = {"customers": [self._registration(client) for client in clients]}
        key = f"{SOURCE} clients {[client.client_id for client in clients]}"

        async def ask() -> Any:
            return await self.importer.post("/api/v1/customers/batches", body, key=key)

        await patiently(ask, _passes)

    def _registration(self, client: BankClient) -> dict[str, Any]:
        number = str(client.client_id)
        return {
            "name": f"Client {number}",
            "kind": "person",
            "birth_date": client.birth_date.isoformat(),
            "gender": GENDERS.get(client.sex),
            "home_unit_id": self.branches[self.files.district_of[client.client_id]],
            "source_reference": {"source": SOURCE, "source_id": number},
        }

    async def _unit(self, code: str, name: str, kind: str, parent: str | None) -> str:
        return await self._once("org-units", "code", {"code": code, "name": name, "kind": kind, "parent_id": parent})

    async def _staff(self, login: str, name: str, role: str, unit: str) -> str:
        body = {
            "number": login,
            "name": name,
            "unit_ids": [unit],
            "roles": [role],
            "logins": [{"issuer": ISSUER, "subject": login}],
        }
        return await self._once("staff", "number", body)

    async def _once(self, what: str, name: str, body: dict[str, Any]) -> str:
        """Create a thing, or find it where it stands already."""
        found = await self.admin.get(f"/api/v1/{what}", **{name: body[name]})
        if found["items"]:
            return str(found["items"][0]["id"])
        made, _ = await self.admin.post(f"/api/v1/{what}", body, key=f"{SOURCE} {what} {body[name]}")
        return str(made["id"])


def _passes(refused: Refused) -> bool:
    """A branch that the customer service has not heard of yet, or our own earlier try that is still under way."""
    fields = {error.get("field") for error in refused.problem.get("errors", [])}
    unheard_of = bool(fields) and all(str(field).endswith(".home_unit_id") for field in fields)
    return unheard_of or refused.status == HTTPStatus.CONFLICT


async def patiently(ask: Callable[[], Awaitable[T]], passes: Callable[[Refused], bool]) -> T:
    """Ask again while the refusal is one that passes, for a minute at most."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + PATIENCE_SECONDS
    while True:
        try:
            return await ask()
        except Refused as refused:
            if not passes(refused) or clock() > deadline:
                raise
            await asyncio.sleep(0.1)
