"""Every command of every service: needs its headers, takes effect once however often it is sent, and loses no race."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from guanxi.local.issuer import ISSUER
from libs.directory.permissions import roles_with
from tests.commands import commands_of
from tests.services.conftest import APPS, Opened, Service

AT_ONCE = 12


@dataclass(frozen=True)
class Change:
    """A command that makes a thing, and one that changes it under If-Match."""

    make: str
    body: dict[str, Any]
    change: str
    change_body: dict[str, Any] | None


async def _ready(service: Service, role: str) -> tuple[httpx.AsyncClient, UUID, UUID]:
    """Somebody in that role, their unit, and a customer of it whose own login is `race-customer`."""
    name = f"race-{service.name}-{role}-{uuid4()}"
    unit, customer = await service.know_unit(name), uuid4()
    await service.know_customer(customer, unit)
    if role == "customer":
        await service.execute(
            "UPDATE directory.customers SET logins = $2 WHERE customer_id = $1", customer, [f"{ISSUER} {name}"]
        )
    else:
        await service.know_staff(name, [role], [unit])
    return service.signed_in(name, role, stepped_up=True), unit, customer


async def _change(service: Service, person: httpx.AsyncClient, unit: UUID, customer: UUID) -> Change:
    if service.name == "customer":
        point = {"kind": "phone", "value": "13900000000"}
        return Change("customers", {"name": "竞", "home_unit_id": str(unit)}, "customers/{id}/contact-points", point)
    if service.name == "manager":
        opened = await service.send(person, "org-units", {"code": str(uuid4()), "name": "竞", "kind": "branch"})
        unit_ids = [opened.json()["id"]]
        hired = {"number": str(uuid4()), "name": "竞", "unit_ids": unit_ids, "roles": ["teller"]}
        return Change("staff", hired, "staff/{id}/leave", None)
    if service.name == "marketing":
        drafted = {
            "org_unit_id": str(unit),
            "code": f"race-{uuid4().hex[:4]}",
            "name": "竞",
            "channel": "sms",
            "message": "M.",
        }
        return Change("campaigns", drafted, "campaigns/{id}/submit", None)
    if service.name == "scoring":
        return Change("contribution-policies", policy(), "", None)
    case = {"customer_id": str(customer), "channel": "phone", "business": "loan", "cause": "fees", "facts": "F."}
    return Change("complaints", case, "complaints/{id}/accept", None)


def policy() -> dict[str, Any]:
    rates = dict.fromkeys(("ftp_deposits", "ftp_loans", "lgd", "tax", "capital", "hurdle"), "0.1")
    money = dict.fromkeys(("cost_per_account", "valuable_from", "high_from"), "60")
    begins = date(3000, 1, 1) + timedelta(days=random.randrange(100_000))  # noqa: S311 - no secret
    probabilities = dict.fromkeys(("0", "1-30", "31-90", "90+"), "0.1")
    return {"effective_from": begins.isoformat(), "currency": "CNY", "pd": probabilities, **rates, **money}


RACED = tuple(name for name in APPS if name != "scoring")
"""Scoring has no command that changes a thing that is there."""
ROLE = {"customer": "teller", "marketing": "marketing_officer", "complaints": "branch_head"}
"""An administrator for the others."""
OTHER = {"complaints": {"facts": "又"}, "scoring": {"tax": "0.2"}}
"""What another command says; the name else."""


@pytest.mark.parametrize("name", APPS)
async def test_a_command_sent_many_times_at_once_takes_effect_once(service: Opened, name: str) -> None:
    at = await service(name)
    person, unit, customer = await _ready(at, ROLE.get(name, "admin"))
    wanted = await _change(at, person, unit, customer)
    key = {"Idempotency-Key": str(uuid4())}

    async def send() -> httpx.Response:
        return await person.post(f"/api/v1/{wanted.make}", json=wanted.body, headers=key)

    answers = await asyncio.gather(*[send() for _ in range(AT_ONCE)])
    made = [answer for answer in answers if answer.status_code == 201]
    assert {answer.status_code for answer in answers} <= {201, 409, 503}, Counter(a.status_code for a in answers)
    assert made
    assert len({answer.json()["id"] for answer in made}) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in made].count(None) == 1
    stored = await (await at.connect()).fetchval("SELECT count(*) FROM outbox WHERE subject = $1", made[0].json()["id"])
    assert stored == 1, "it happened once"
    body = wanted.body | OTHER.get(name, {"name": "又"})
    other = await person.post(f"/api/v1/{wanted.make}", json=body, headers=key)
    assert (other.status_code, "another command" in other.text) == (422, True), other.text


@pytest.mark.parametrize("name", RACED)
async def test_of_many_changes_of_one_version_one_wins(service: Opened, name: str) -> None:
    at = await service(name)
    person, unit, customer = await _ready(at, ROLE.get(name, "admin"))
    wanted = await _change(at, person, unit, customer)
    made = (await at.send(person, wanted.make, wanted.body)).json()
    if name == "customer":
        await at.know_customer(UUID(made["id"]), unit)
    path = wanted.change.replace("{id}", made["id"])

    async def send() -> httpx.Response:
        return await at.send(person, path, wanted.change_body, made["version"])

    statuses = Counter([answer.status_code for answer in await asyncio.gather(*[send() for _ in range(AT_ONCE)])])
    assert sum(times for status, times in statuses.items() if status < 300) == 1, statuses
    assert set(statuses) <= {200, 201, 412, 503}, statuses
    assert statuses[412] > 0


@pytest.mark.parametrize("name", APPS)
async def test_every_command_needs_its_headers(service: Opened, name: str) -> None:
    at = await service(name)
    people, commands = {}, list(commands_of(at.app))
    assert len(commands) >= (1 if name == "scoring" else 5)
    for command in commands:
        role = roles_with(command.permission)[0]
        if role not in people:
            people[role] = (await _ready(at, role))[0]
        await command.needs_its_headers(people[role])
