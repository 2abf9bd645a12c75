"""Nobody gets to a customer by one path who does not by all: every path, by every role, to each of twelve customers.

Each condition that a repository or a query applies is then taken out, one by one, and the matrix must fail each time.
"""

import ast
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from fastapi.routing import iter_route_contexts
from pydantic import SecretStr
from sqlalchemy import true

from gateway import main as gateway
from gateway.settings import GatewaySettings
from gateway.webhooks.storage import WebhookRepository
from gateway.worker import sender as new_sender
from libs.directory.authority import Directory
from libs.directory.scope import CallerScope, SystemScope
from services.complaints import main as complaints
from services.customer import main as customer
from services.manager import main as manager
from services.marketing import main as marketing
from services.scoring import main as scoring
from tests.conftest import ROOT, Ground
from tests.security.bank import (
    CUSTOMER_IDS,
    PARTNER,
    THING_IDS,
    WEBHOOK_IDS,
    Bank,
    fill,
    fill_organisation,
    hear,
    number_of,
)
from tests.security.expected import CUSTOMERS, OF_NOBODY, PATHS, READ, ROLES, SHOWN_AS, STAFF, expected
from tests.security.paths import TRIES
from tests.security.storage import READS

ENTRIES = """
    SELECT content::json->>'trace_id' AS trace_id, content::json->>'customer_ids' AS customer_ids
    FROM audit_entries WHERE content::json->>'trace_id' = ANY($1)
"""
CONDITIONS = ("scope.customers", "scope.units", "scope.partners")

APPS = {
    "customer": customer.app,
    "manager": manager.app,
    "marketing": marketing.app,
    "complaints": complaints.app,
    "scoring": scoring.app,
}


@pytest.fixture(scope="module")
async def bank(ground: Ground) -> AsyncIterator[Bank]:
    apps = {}
    for name in (*APPS, "gateway"):
        database = f"matrix_{name}"
        passwords = [ground.secrets.password(database, role) for role in ("owner", "app")]
        await ground.postgres.ensure_database(database, *passwords)
        await ground.migrate(database, name if name == "gateway" else f"services.{name}")
        address = {"database_url": SecretStr(ground.url(database, "app"))}
        if name == "gateway":
            settings = ground.settings(name, GatewaySettings, upstreams={}, **address)
            assert isinstance(settings, GatewaySettings)
            apps[name] = gateway.app(settings)
        else:
            apps[name] = APPS[name](ground.settings(name, **address))
    opened = Bank(ground, apps)
    connection = await asyncpg.connect(apps["manager"].chassis.settings.dsn)
    await fill_organisation(connection)
    await connection.close()
    await fill(opened)
    yield opened
    for app in apps.values():
        await app.close()


@pytest.fixture(autouse=True)
async def _heard(bank: Bank) -> None:
    await hear(bank)


def mounted(bank: Bank) -> Iterator[str]:
    for name, app in bank.apps.items():
        for api in (app.api, app.internal_api):
            for route in iter_route_contexts(api.routes):
                yield from (f"{name} {method} {route.path}" for method in route.methods or ())


def test_every_mounted_path_has_its_row(bank: Bank) -> None:
    rows = {path.partition("?")[0] for path in PATHS} | set(OF_NOBODY)
    assert set(mounted(bank)) == rows
    assert set(TRIES) == set(PATHS)


async def wrong(bank: Bank, path: str, role: str) -> str | None:
    app, method, url = path.split(" ")
    answers: list[httpx.Response] = []

    async def keep(answer: httpx.Response) -> None:
        answers.append(answer)

    async with bank.client(app, role, internal=url.startswith("/internal")) as client:
        client.event_hooks["response"] = [keep]
        seen = await TRIES[path](client, method, url)
    should = expected(path, role)
    if should is not None and ("org-units" in path or "campaigns" in path):
        should = should - {"nowhere"}
    if seen != should:
        return f"{role} by {path}: sees {seen}, should see {should}"
    return await untold(bank, app, answers, seen or set()) and f"{role} by {path}: left no entry of what they saw"


async def untold(bank: Bank, app: str, answers: list[httpx.Response], seen: set[str]) -> bool:
    """Whether an answer left no entry, or somebody of whom something was shown is in none."""
    traces = [answer.headers["Guanxi-Trace"] for answer in answers]
    connection = await asyncpg.connect(bank.ground.url(f"matrix_{app}", "owner"))
    rows = await connection.fetch(ENTRIES, traces)
    await connection.close()
    told = {id_ for row in rows for id_ in json.loads(row["customer_ids"])}
    shown = seen if any(answer.is_success for answer in answers) else set()
    wanted = {str(CUSTOMER_IDS[name]) for name in shown & set(CUSTOMERS)}
    return bool(answers) and not ({row["trace_id"] for row in rows} == set(traces) and wanted <= told)


@pytest.mark.parametrize("path", OF_NOBODY)
async def test_what_concerns_nobody_is_for_its_roles_alone(bank: Bank, path: str) -> None:
    app, method, url = path.split(" ")
    if OF_NOBODY[path] is None:
        return
    for role in sorted(ROLES):
        async with bank.client(app, role) as client:
            headers = {"Idempotency-Key": str(uuid4())}
            answer = await client.request(method, url, json={} if method == "POST" else None, headers=headers)
        assert (answer.status_code != 403) == (role in (OF_NOBODY[path] or ())), (path, role, answer.status_code)


@pytest.mark.parametrize("path", PATHS)
async def test_every_role_gets_to_whom_it_should(bank: Bank, path: str) -> None:
    assert [found for role in sorted(ROLES) if (found := await wrong(bank, path, role))] == []


@dataclass(frozen=True)
class Site:
    """Where a repository or a query applies the scope."""

    file: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.file}:{self.first}"

    @property
    def app(self) -> str | None:
        parts = self.file.split("/")
        return {"services": parts[1], "gateway": "gateway"}.get(parts[0])


def _sites() -> Iterator[Site]:
    folders = [*ROOT.glob("services/*/storage"), *ROOT.glob("gateway/*/"), ROOT / "libs" / "directory"]
    files = [file for folder in folders for file in folder.glob("*.py")] + [ROOT / "libs" / "common" / "live.py"]
    for file in sorted(files):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(CONDITIONS):
                yield Site(str(file.relative_to(ROOT)), node.lineno, node.end_lineno or node.lineno)


SITES = list(_sites())


@contextmanager
def unfiltered(site: Site) -> Iterator[None]:
    """The scope lets everybody in, at one place."""
    kept = {name: getattr(CallerScope, name) for name in ("customers", "units", "partners")}
    file = str(ROOT / site.file)

    def loosened(name: str) -> Any:
        def condition(self: CallerScope, column: Any) -> Any:
            frame = sys._getframe(1)
            here = frame.f_code.co_filename == file and site.first <= frame.f_lineno <= site.last
            return true() if here else kept[name](self, column)

        return condition

    try:
        for name in kept:
            setattr(CallerScope, name, loosened(name))
        yield
    finally:
        for name, method in kept.items():
            setattr(CallerScope, name, method)


def forget_callers(bank: Bank) -> None:
    for app in bank.apps.values():
        authority = app.chassis.authority
        assert isinstance(authority, Directory)
        authority.forget()


async def first_leak(bank: Bank, site: Site) -> str | None:
    """What the matrix finds first: by the reads of storage themselves, else by the paths over HTTP."""
    for name, read in READS.items():
        near = Path(site.file).stem in name and site.app in (None, read.app)
        if near and (found := await read.wrong(bank)):
            return found
    for path in PATHS:
        if site.app in (None, path.split(" ")[0]):
            for role in ("teller", "compliance", "branch_head", "customer", "partner"):
                if found := await wrong(bank, path, role):
                    return found
    return None


@pytest.mark.parametrize("role", sorted(ROLES - {"admin"}))
async def test_an_identifier_is_shown_as_the_role_sees_it(bank: Bank, role: str) -> None:
    """Alike in lists, details, searches and the view."""
    name = {"partner": "consented", "customer": "mine"}.get(role, "granted")
    customer_id = str(CUSTOMER_IDS[name])
    async with bank.client("gateway", role) as client:
        view = (await client.get(f"/api/v1/customers/{customer_id}/360")).json()["sections"]
        told = (await client.post("/api/v1/customers/360:batch", json={"customer_ids": [customer_id]})).json()
    shown = [view["profile"]["data"], told["items"][0]["sections"]["profile"]["data"]]
    if role in STAFF:
        async with bank.client("customer", role) as client:
            shown.append((await client.get(f"/api/v1/customers/{customer_id}")).json())
            document = {"type": "passport", "number": number_of(name)}
            shown.append((await client.post("/api/v1/customers/find-by-document", json=document)).json())
            accounts = (await client.get("/api/v1/accounts", params={"customer_id": customer_id})).json()["items"]
            shown += [
                {"holdings": accounts},
                {"holdings": [(await client.get(f"/api/v1/accounts/{accounts[0]['id']}")).json()]},
            ]
    identifiers = [
        thing.get("number", thing.get("value"))
        for document in shown
        for part in ("documents", "contact_points", "holdings")
        for thing in document.get(part, [])
    ]
    assert set(identifiers) - {None} == {SHOWN_AS[role]}
    assert len(identifiers) >= (8 if role in STAFF else 6)


async def test_a_partner_is_told_of_whom_it_should(bank: Bank) -> None:
    """Webhooks: asked when something is sent."""
    settings = bank.apps["gateway"].chassis.settings
    assert isinstance(settings, GatewaySettings)
    sender = new_sender(settings, bank.apps["gateway"].chassis.database)
    async with sender.database.reading(SystemScope()) as uow:
        webhook = await WebhookRepository(uow).get(WEBHOOK_IDS[PARTNER])
    permitted = {name: await sender.permitted(webhook, id_) for name, id_ in THING_IDS.items()}
    assert {name for name, told in permitted.items() if told} == READ["partner"]
    await sender.trail.close()


@pytest.mark.parametrize("name", READS)
async def test_every_read_of_storage_is_scoped(bank: Bank, name: str) -> None:
    assert await READS[name].wrong(bank) is None


@pytest.mark.deep
@pytest.mark.parametrize("site", SITES, ids=str)
async def test_the_matrix_fails_where_a_filter_is_lost(bank: Bank, site: Site) -> None:
    forget_callers(bank)
    try:
        with unfiltered(site):
            assert await first_leak(bank, site), f"nothing notices that {site} filters no longer"
    finally:
        forget_callers(bank)
