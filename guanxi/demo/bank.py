"""A small bank for the first start: four branches, their people, customers, accounts and complaints.

It enters through the REST API alone, with fixed Idempotency-Keys: a start that was cut short is simply gone on with.
"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from rich.console import Console
from rich.progress import Progress

from guanxi.client import Client, Refused
from guanxi.demo.people import Person, people
from guanxi.local.issuer import ADMIN, ISSUER, LocalIssuer
from guanxi.local.settings import LocalSettings
from guanxi.parallel import each

SEED = 20_260_101
CUSTOMERS = 240
AT_ONCE = 8
PATIENCE = 300
"""Tenths of a second until the example shows whole; later it shows by itself."""
BRANCHES = (("0101", "北京分行"), ("0201", "上海分行"), ("0301", "深圳分行"), ("0401", "成都分行"))
PRODUCTS = (
    ("current", "活期存款"),
    ("savings", "储蓄存款"),
    ("term_deposit", "定期存款"),
    ("wealth_product", "稳健理财"),
)


@dataclass(frozen=True)
class Example:
    """A customer with an account, a manager and a complaint, and who may see them."""

    customer_id: str
    subject: str
    role: str


async def ensure_demo(settings: LocalSettings, issuer: LocalIssuer, console: Console) -> Example:
    """Load the demo bank unless it is there; returns the customer to show."""
    async with Client(settings.gateway, issuer.token(ADMIN, ["admin"])) as admin:
        await admin.until_known("/api/v1/org-units")
        head_office = await _unit(admin, "01", "Guanxi demo bank", "head_office", None)
        branches = [await _unit(admin, code, name, "branch", head_office) for code, name in BRANCHES]
        for (code, _), unit in zip(BRANCHES, branches, strict=True):
            await _staff(admin, code, unit)
    loaded = settings.home / "demo.loaded"
    if not loaded.exists():
        await _load(settings, issuer, branches, console)
        loaded.touch()
    return await _example(settings, issuer)


async def _unit(admin: Client, code: str, name: str, kind: str, parent: str | None) -> str:
    body = {"code": code, "name": name, "kind": kind, "parent_id": parent}
    return str(await _once(admin, "org-units", {"code": code}, body))


async def _staff(admin: Client, code: str, unit: str) -> None:
    for role, count in (("branch_head", 1), ("manager", 3), ("teller", 1), ("complaint_officer", 1)):
        for place in range(1, count + 1):
            login = f"{role}-{code}-{place}"
            body = {
                "number": login,
                "name": f"Demo {role.replace('_', ' ')} {code}-{place}",
                "unit_ids": [unit],
                "roles": [role],
                "logins": [{"issuer": ISSUER, "subject": login}],
            }
            await _once(admin, "staff", {"number": login}, body)


async def _once(admin: Client, what: str, query: dict[str, str], body: dict[str, Any]) -> str:
    """Create a thing, or find it where it stands already."""
    found = await admin.get(f"/api/v1/{what}", **query)
    if found["items"]:
        return str(found["items"][0]["id"])
    made, _ = await admin.post(f"/api/v1/{what}", body, key=f"demo {what} {sorted(query.items())}")
    return str(made["id"])


async def _load(settings: LocalSettings, issuer: LocalIssuer, branches: list[str], console: Console) -> None:
    async with AsyncExitStack() as clients:
        tellers = []
        for code, _ in BRANCHES:
            teller = Client(settings.gateway, issuer.token(f"teller-{code}-1", ["teller"]))
            tellers.append(await clients.enter_async_context(teller))
            await teller.until_known("/api/v1/customers", "/api/v1/complaints")
        with Progress(console=console, transient=True) as progress:
            bar = progress.add_task("loading the demo bank", total=CUSTOMERS)

            async def one(place_and_person: tuple[int, Person]) -> None:
                place, person = place_and_person
                await _customer(tellers[place % len(tellers)], branches[place % len(branches)], place, person)
                progress.advance(bar)

            await each(enumerate(people(SEED, CUSTOMERS)), one, at_once=AT_ONCE)


async def _customer(teller: Client, branch: str, place: int, person: Person) -> None:
    body = {
        "name": person.name,
        "home_unit_id": branch,
        "documents": [{"type": "resident_id", "number": person.resident_id}],
        "contact_points": [{"kind": "phone", "value": person.phone}],
        "source_reference": {"source": "demo", "source_id": str(place)},
    }
    customer, token = await teller.post("/api/v1/customers", body, key=f"demo customer {place}")
    kind, product = PRODUCTS[place % len(PRODUCTS)]
    account = {
        "customer_id": customer["id"],
        "kind": kind,
        "product": product,
        "number": f"62299900{place:08d}",
        "balance": f"{(place * 7919) % 500_000 + 1000}.00",
    }
    try:
        await teller.post("/api/v1/accounts", account, key=f"demo account {place}", after=token)
    except Refused as refused:
        if refused.status != HTTPStatus.CONFLICT:  # a start that was cut short long ago opened it already
            raise
    if place % 6 == 0:
        complaint = {
            "customer_id": customer["id"],
            "channel": "counter",
            "business": "bank_card",
            "cause": "service_attitude",
            "facts": "柜台等候时间过长。",
        }
        await teller.post("/api/v1/complaints", complaint, key=f"demo complaint {place}", after=token)


async def _example(settings: LocalSettings, issuer: LocalIssuer) -> Example:
    """The demo's first customer, found by their document, who complains and belongs to the first branch."""
    subject, role = f"branch_head-{BRANCHES[0][0]}-1", "branch_head"
    document = {"type": "resident_id", "number": people(SEED, 1)[0].resident_id}
    async with Client(settings.gateway, issuer.token(subject, [role])) as head:
        await head.until_known("/api/v1/customers")
        found, _ = await head.post("/api/v1/customers/find-by-document", document, key="demo example")
        example = Example(str(found["id"]), subject, role)
        for _ in range(PATIENCE):
            view = await head.get(f"/api/v1/customers/{example.customer_id}/360")
            if _whole(view["sections"]):
                break
            await asyncio.sleep(0.1)
        return example


def _whole(sections: dict[str, Any]) -> bool:
    if any(section["state"] != "ok" for section in sections.values()):
        return False
    profile, relationship, complaints = (sections[name]["data"] for name in ("profile", "relationship", "complaints"))
    return bool(profile["holdings"] and relationship["managers"] and complaints["complaints"])
