"""Sections and references: one statement for any number of customers, in the shape that the contract says."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from pydantic import TypeAdapter

from libs.common.clients import HEADER, LIFETIME_SECONDS, client_credential
from libs.common.clock import Clock
from libs.common.publication import Publication
from libs.contracts.catalogue import CORE, REFERENCES, SECTIONS
from services.complaints.storage import section as complaints
from services.customer.storage import section as customer
from services.manager.storage import section as manager
from services.marketing.storage import section as marketing
from services.scoring.storage import section as scoring
from tests.polling import until
from tests.services.conftest import Opened

PUBLICATIONS = {
    "customer": customer.PUBLICATIONS,
    "manager": manager.PUBLICATIONS,
    "complaints": complaints.PUBLICATIONS,
    "marketing": marketing.PUBLICATIONS,
    "scoring": scoring.PUBLICATIONS,
}
SHAPES = {**dict(SECTIONS.values()), **REFERENCES}
ALL = [(name, publication) for name, some in PUBLICATIONS.items() for publication in some]


class Counting:
    """Counts the statements that a query sends: prepare and execute of one are one."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.statements: list[str] = []
        connection.add_query_logger(lambda record: self.statements.append(record.query))

    async def any(self) -> bool:
        return bool(self.statements)


@pytest.mark.parametrize(("name", "publication"), ALL, ids=[p.stream for _, p in ALL])
async def test_one_statement_serves_one_and_five_hundred(service: Opened, name: str, publication: Publication) -> None:
    connection = await (await service(name)).connect()
    await connection.fetch(publication.query, [])  # the driver learns the types of arrays once a connection
    for count in (1, 500):
        counting = Counting(connection)
        await connection.fetch(publication.query, [uuid4() for _ in range(count)])
        await until(counting.any)
        assert len(counting.statements) == 1


@pytest.mark.parametrize(("name", "publication"), ALL, ids=[p.stream for _, p in ALL])
async def test_documents_have_the_shape_of_their_contract(service: Opened, name: str, publication: Publication) -> None:
    opened = await service(name)
    connection = await opened.connect()
    keys = await fill(name, connection)
    rows = await connection.fetch(publication.query, keys)
    assert rows, "nothing was published, so nothing was checked"
    adapter: TypeAdapter[Any] = TypeAdapter(SHAPES[publication.topic])
    for _, document in rows:
        declared = adapter.dump_python(adapter.validate_json(document), mode="json")
        assert names(declared) == names(json.loads(document))


@pytest.mark.parametrize("name", PUBLICATIONS)
async def test_a_section_is_told_live_to_apps_of_the_platform_alone(service: Opened, name: str) -> None:
    opened = await service(name)
    unit, customer_id = await opened.know_unit(f"live {name} {uuid4()}"), uuid4()
    await opened.know_customer(customer_id, unit)
    login = f"live-{name}-{uuid4()}"
    await opened.know_staff(login, ["teller"], [unit])
    chassis, url = opened.app.chassis, f"/internal/v1/sections/{customer_id}"
    token = {"Authorization": f"Bearer {opened.ground.issuer.token(login, ['teller'])}"}
    good = client_credential(chassis.shared_keyring, "gateway", "127.0.0.1", chassis.clock)
    old = client_credential(chassis.shared_keyring, "gateway", "127.0.0.1", Earlier())
    forged = client_credential(chassis.keyring, "gateway", "127.0.0.1", chassis.clock)
    transport = httpx.ASGITransport(opened.app.internal, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        for credential in ({}, {HEADER: "x"}, {HEADER: old}, {HEADER: forged}):
            assert (await client.get(url, headers={**token, **credential})).status_code == 401
        assert (await client.get(url, headers={HEADER: good})).status_code == 401, "and for somebody"
        shown = await client.get(url, headers={**token, HEADER: good})
    assert (shown.status_code, shown.headers["content-type"]) == (200, "application/json")


class Earlier(Clock):
    def now(self) -> datetime:
        return super().now() - timedelta(seconds=LIFETIME_SECONDS + 1)


def names(part: Any) -> Any:
    """The shape of a document: its fields at every depth, without their values."""
    if isinstance(part, dict):
        return {name: names(value) for name, value in part.items()}
    return [names(item) for item in part] if isinstance(part, list) else None


def test_a_field_too_many_is_seen_at_any_depth() -> None:
    assert names({"self": {"managers": [{"name": "Li", "staff_id": 1}]}}) != names(
        {"self": {"managers": [{"name": "Li"}]}}
    )


async def fill(name: str, connection: asyncpg.Connection) -> list[UUID]:
    """One row of everything that the service's publications read."""
    key, other = uuid4(), uuid4()
    await connection.execute("SET timezone = 'UTC'")
    for statement in ROWS[name]:
        await connection.execute(statement.replace("$key", f"'{key}'").replace("$other", f"'{other}'"))
    return [key]


ROWS = {
    "customer": [
        "INSERT INTO customers VALUES"
        " ($key, 1, 'person', '张伟', '张伟', '{}', 'active', NULL, '1980-01-01', '1', NULL, '{}', now())",
        "INSERT INTO identity_documents VALUES ($other, $key, 'passport', '\\x00', decode(md5($key), 'hex'), 'E**5')",
        "INSERT INTO contact_points VALUES ($other, $key, 'phone', '\\x00', '\\x01', '138****5678')",
        "INSERT INTO consents VALUES ($other, 1, $key, 'third_party_sharing', 'wealth-app', '2026-01', now())",
        "INSERT INTO source_references VALUES ('core', $key, $key)",
        "INSERT INTO accounts (id, version, origin, source, kind, product, currency, status, sequence, as_of,"
        " main_holder_id, balance) VALUES ($other, 1, 'core', 'core', 'savings', 'p', 'CNY', 'open', 1, now(), $key, 12.34)",
        "INSERT INTO account_holders VALUES ($other, $key, 'owner')",
        "INSERT INTO holdings VALUES ($key, $other, 1, NULL, NULL, '2026-03-02')",
        "INSERT INTO relations VALUES ($other, 1, $key, $key, 'spouse', now())",
        "INSERT INTO daily_flows VALUES ($other, '2026-03-01', 'CNY', 1, 2, 3, 1)",
    ],
    "manager": [
        "INSERT INTO org_units VALUES ($key, 1, $key, 'Branch', 'branch', '/' || $key || '/', NULL)",
        "INSERT INTO staff VALUES ($key, 1, $key, 'Li', '{}', '{manager}', '{}', now(), NULL)",
        "INSERT INTO assignments VALUES ($other, 1, $key, $key, 'retail', 'main', 'smallest_book', NULL, now())",
        "INSERT INTO tasks (id, version, customer_id, staff_id, kind, due_at, opened_at, status)"
        " VALUES ($other, 1, $key, $key, 'call_back', now(), now(), 'open')",
        "INSERT INTO access_grants VALUES ($other, 1, $other, $key, 'deal', now(), now())",
        "INSERT INTO ethical_walls VALUES ($other, 1, $other, $key, 'conflict of interest', now())",
    ],
    "marketing": [
        "INSERT INTO points_accounts VALUES ($other, 1, $key, 100)",
        "INSERT INTO points_lots VALUES ($other, $other, 'savings-opened', $other, 100, 100, '2028-03-31')",
        "INSERT INTO campaigns (id, version, org_unit_id, code, name, channel, segment, message, author_id, drafted_at,"
        " status, queued, suppressed) VALUES ($other, 1, $other, $key, 'n', 'sms', '{}', 'm', $other, now(), 'running', 0, 1)",
        "INSERT INTO campaign_members VALUES ($other, 1, $other, $key, 'sms', now(), 'suppressed', 'no_consent')",
        "INSERT INTO audience (customer_id, channels) VALUES ($key, '{sms,phone}')",
    ],
    "scoring": [
        "INSERT INTO scores (id, version, customer_id, as_of, policy_id, currency, contribution, value_group, reasons, holdings,"
        " assets, initiated, last_initiated_on, recency, frequency, monetary, rfm_name)"
        " SELECT $other, 1, $key, '2026-03-02', id, 'CNY', 12.34, 'low',"
        """ '[{"cause": "tax", "kind": null, "amount": "12.34"}]', '[]', 5, 1, '2026-03-01', 5, 4, 3, 'loyal'"""
        " FROM contribution_policies LIMIT 1",
    ],
    "complaints": [
        "INSERT INTO complaints (id, version, customer_id, number, regimes, channel, business, cause, facts, status, cycle,"
        " received_at, reply_due_at, handler_id)"
        " VALUES ($other, 1, $key, $key, '{nfra}', 'phone', 'b', 'c', 'f', 'assigned', 1, now(), now(), $other)",
    ],
}


def test_rights_rest_on_no_backlog_but_that_which_makes_them() -> None:
    """By docs/adr/0015: a stream that nobody may be behind of, and the topics that must be handled before it is whole."""
    trusted = {topic.name for topic in REFERENCES}
    rests = {
        each.stream: each.rests_on for name in PUBLICATIONS for each in PUBLICATIONS[name] if each.stream in trusted
    }
    assert rests == {
        "crm.reference.customer.v1": (),
        "crm.reference.org_unit.v1": (),
        "crm.reference.staff.v1": (),
        "crm.reference.case.v1": (),
        "crm.reference.assignment.v1": ("crm.customer.events.v1",),
    }


def test_the_profile_rests_on_what_the_core_says_and_not_on_the_timeline() -> None:
    (profile,) = [each for each in PUBLICATIONS["customer"] if each.stream not in {topic.name for topic in REFERENCES}]
    assert set(profile.rests_on or ()) == {topic.name for topic in CORE}
