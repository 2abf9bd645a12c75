"""Accounts: opened here or stated by the core, and whose money they are."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from libs.common.database import Database
from libs.common.hearing import Told
from libs.contracts.core import ACCOUNT_STATED, CoreAccount, Holder
from libs.directory.composition import service_database
from libs.directory.scope import SystemScope
from services.customer.event_handlers import SUBSCRIPTION
from services.customer.storage.section import PUBLICATIONS
from tests.services.conftest import Opened, Service

AS_OF = datetime(2026, 3, 2, 4, tzinfo=UTC)
STATED = CoreAccount(
    source="core",
    account_ref="",
    kind="savings",
    product="储蓄",
    currency="CNY",
    holders=[],
    unit_code=None,
    opened_on=date(2020, 1, 2),
    status="open",
    balance=Decimal("100.25"),
    sequence=1,
    as_of=AS_OF,
)


@pytest.fixture(scope="module")
async def accounts(service: Opened) -> Service:
    return await service("customer")


@pytest.fixture(scope="module")
async def database(accounts: Service) -> AsyncIterator[Database]:
    made = service_database(accounts.settings, PUBLICATIONS)
    yield made
    await made.close()


@pytest.fixture(scope="module")
async def units(accounts: Service) -> tuple[UUID, UUID]:
    made = await accounts.know_unit("acc1"), await accounts.know_unit("acc2")
    for place, unit in enumerate(made, start=1):
        await accounts.know_staff(f"acc-teller-{place}", ["teller"], [unit])
    return made


@pytest.fixture(scope="module")
def teller(accounts: Service, units: tuple[UUID, UUID]) -> httpx.AsyncClient:  # noqa: ARG001 - the units are theirs
    return accounts.signed_in("acc-teller-1", "teller")


async def customer(accounts: Service, teller: httpx.AsyncClient, unit: UUID, **body: Any) -> UUID:
    answer = await accounts.send(teller, "customers", {"name": "李娜", **body})
    assert answer.status_code == 201, answer.text
    made = UUID(answer.json()["id"])
    await accounts.know_customer(made, unit)
    return made


async def state(database: Database, stated: CoreAccount) -> None:
    async with database.unit_of_work(SystemScope()) as uow:
        await SUBSCRIPTION.tell(uow, ACCOUNT_STATED, [Told(stated, None)])


async def test_only_an_active_customer_opens_an_account(
    accounts: Service, teller: httpx.AsyncClient, units: tuple[UUID, UUID]
) -> None:
    document = {"type": "passport", "number": f"A{uuid4().hex[:8].upper()}"}
    prospect = await customer(accounts, teller, units[0])
    active = await customer(accounts, teller, units[0], documents=[document])
    body = {"kind": "current", "product": "活期存款", "number": str(uuid4().int)[:16], "balance": "1.10"}
    refused = await accounts.send(teller, "accounts", {**body, "customer_id": str(prospect)})
    assert refused.status_code == 409
    opened = await accounts.send(teller, "accounts", {**body, "customer_id": str(active)})
    assert opened.status_code == 201
    assert opened.json()["balance"] == "1.1000"
    assert opened.json()["number"] == f"************{body['number'][-4:]}"
    twice = await accounts.send(teller, "accounts", {**body, "customer_id": str(active)})
    assert twice.status_code == 409
    assert "number" in twice.json()["detail"]
    unknown = await accounts.send(teller, "accounts", {**body, "customer_id": str(uuid4())})
    assert unknown.status_code == 404


async def test_an_account_of_ours_is_closed_once(
    accounts: Service, teller: httpx.AsyncClient, units: tuple[UUID, UUID]
) -> None:
    document = {"type": "passport", "number": f"A{uuid4().hex[:8].upper()}"}
    holder = await customer(accounts, teller, units[0], documents=[document])
    body = {"customer_id": str(holder), "kind": "current", "product": "活期存款"}
    made = (await accounts.send(teller, "accounts", body)).json()
    path = f"accounts/{made['id']}/close"
    for day in ("2020-01-01", "9999-01-01"):
        refused = await accounts.send(teller, path, {"closed_on": day}, made["version"])
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == "closed_on"
    today = {"closed_on": made["opened_on"]}
    closed = await accounts.send(teller, path, today, made["version"])
    assert (closed.json()["status"], closed.json()["closed_on"]) == ("closed", made["opened_on"])
    again = await accounts.send(teller, path, today, closed.json()["version"])
    assert again.status_code == 409
    assert again.json()["allowed"] == []


async def test_the_newest_statement_of_the_core_counts_and_a_repeated_one_changes_nothing(
    accounts: Service, teller: httpx.AsyncClient, units: tuple[UUID, UUID], database: Database
) -> None:
    ref, source_id = str(uuid4()), str(uuid4())
    holder = await customer(accounts, teller, units[0], source_reference={"source": "core", "source_id": source_id})
    stated = replace(STATED, account_ref=ref, holders=[Holder(customer_ref=source_id, role="owner")])
    for sequence, balance in ((2, "200.00"), (1, "100.25"), (2, "999.99")):
        await state(database, replace(stated, sequence=sequence, balance=Decimal(balance)))
    listed = (await teller.get("/api/v1/accounts", params={"customer_id": str(holder)})).json()["items"]
    assert [(account["balance"], account["origin"]) for account in listed] == [("200.0000", "core")]
    refused = await accounts.send(teller, f"accounts/{listed[0]['id']}/close", {"closed_on": "2026-03-02"}, 1)
    assert refused.status_code == 409


async def test_what_the_core_states_as_closed_is_told_as_closed_and_counts_no_more(
    accounts: Service, teller: httpx.AsyncClient, units: tuple[UUID, UUID], database: Database
) -> None:
    source_id = str(uuid4())
    holder = await customer(accounts, teller, units[0], source_reference={"source": "core", "source_id": source_id})
    stated = replace(STATED, account_ref=str(uuid4()), holders=[Holder(customer_ref=source_id, role="owner")])
    await state(database, replace(stated, status="closed", closed_on=None))
    connection = await accounts.connect()
    types = await connection.fetch(
        "SELECT type FROM outbox WHERE key = $1 AND type LIKE '%account%' ORDER BY id", holder
    )
    assert [row["type"] for row in types] == ["crm.account.opened.v1", "crm.account.closed.v1"]
    profile = json.loads((await connection.fetchrow(PUBLICATIONS[0].query, [holder]))["json_build_object"])["staff"]
    assert profile["balances"] == {}
    assert [(h["status"], h["balance"]) for h in profile["holdings"]] == [("closed", "100.2500")]


async def test_the_main_holder_follows_the_core(
    accounts: Service, teller: httpx.AsyncClient, units: tuple[UUID, UUID], database: Database
) -> None:
    first_ref, second_ref = str(uuid4()), str(uuid4())
    first, second = [
        await customer(accounts, teller, units[0], source_reference={"source": "core", "source_id": ref})
        for ref in (first_ref, second_ref)
    ]
    stated = replace(STATED, account_ref=str(uuid4()), holders=[Holder(customer_ref=first_ref, role="owner")])
    await state(database, stated)
    await state(database, replace(stated, sequence=2, holders=[Holder(customer_ref=second_ref, role="owner")]))
    row = await (await accounts.connect()).fetchrow(
        "SELECT key, payload FROM outbox WHERE type = 'crm.account.updated.v1' ORDER BY id DESC LIMIT 1"
    )
    assert row["key"] == second
    assert sorted(json.loads(row["payload"])["holder_ids"]) == sorted([str(first), str(second)])


async def test_a_profile_lists_so_many_holdings_and_counts_all(
    accounts: Service, teller: httpx.AsyncClient, units: tuple[UUID, UUID]
) -> None:
    holder = await customer(accounts, teller, units[0])
    connection = await accounts.connect()
    await connection.execute(
        "WITH made AS (INSERT INTO accounts (id, version, origin, source, kind, product, currency, status, sequence,"
        " as_of, main_holder_id, balance) SELECT uuidv7(), 1, 'core', 'many', 'savings', 'p', 'CNY',"
        " CASE WHEN n % 2 = 0 THEN 'open' ELSE 'closed' END, 1, now(), $1, 1 FROM generate_series(1, 500) AS n"
        " RETURNING id) INSERT INTO account_holders SELECT id, $1, 'owner' FROM made",
        holder,
    )
    profile = json.loads((await connection.fetchrow(PUBLICATIONS[0].query, [holder]))["json_build_object"])["self"]
    assert (len(profile["holdings"]), profile["holding_count"]) == (200, 500)
    assert {h["status"] for h in profile["holdings"]} == {"open"}
    assert profile["balances"] == {"CNY": "250.0000"}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"number": "-"}, "number"),
        ({"product": "for 13812345678"}, "product"),
        ({"product": "张伟13812345678"}, "product"),
        ({"balance": "1.00001"}, "balance"),
        ({"kind": "piggy_bank"}, "kind"),
    ],
)
async def test_an_error_names_the_field(
    accounts: Service, teller: httpx.AsyncClient, units: tuple[UUID, UUID], changed: dict[str, str], field: str
) -> None:
    document = {"type": "passport", "number": f"A{uuid4().hex[:8].upper()}"}
    holder = await customer(accounts, teller, units[0], documents=[document])
    body = {"customer_id": str(holder), "kind": "current", "product": "活期存款", **changed}
    refused = await accounts.send(teller, "accounts", body)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == field


async def test_an_unknown_holder_becomes_a_prospect_at_the_unit_that_the_core_names(
    accounts: Service, teller: httpx.AsyncClient, database: Database
) -> None:
    source_id = str(uuid4())
    stated = replace(STATED, account_ref=str(uuid4()), unit_code="acc1")
    await state(database, replace(stated, holders=[Holder(customer_ref=source_id, role="owner")]))
    connection = await accounts.connect()
    row = await connection.fetchrow(
        "SELECT c.id, c.status, c.home_unit_id FROM customers AS c JOIN source_references AS r ON r.customer_id = c.id"
        " WHERE r.source = 'core' AND r.source_id = $1",
        source_id,
    )
    await accounts.know_customer(row["id"], row["home_unit_id"])
    seen = (await teller.get(f"/api/v1/customers/{row['id']}")).json()
    assert (seen["status"], seen["documents"]) == ("prospect", [])


async def test_an_authorised_users_people_see_the_account_and_not_the_money(
    accounts: Service, teller: httpx.AsyncClient, units: tuple[UUID, UUID], database: Database
) -> None:
    owner_ref, user_ref = str(uuid4()), str(uuid4())
    owner = await customer(accounts, teller, units[0], source_reference={"source": "core", "source_id": owner_ref})
    elsewhere = accounts.signed_in("acc-teller-2", "teller")
    user = await customer(accounts, elsewhere, units[1], source_reference={"source": "core", "source_id": user_ref})
    holders = [Holder(customer_ref=owner_ref, role="owner"), Holder(customer_ref=user_ref, role="authorised_user")]
    await state(database, replace(STATED, account_ref=str(uuid4()), holders=holders, limit=Decimal(500)))
    theirs = (await elsewhere.get("/api/v1/accounts", params={"customer_id": str(user)})).json()["items"]
    assert [(account["balance"], account["limit"]) for account in theirs] == [(None, None)]
    path = f"/api/v1/accounts/{theirs[0]['id']}"
    whole, read = await teller.get(path), await elsewhere.get(path)
    for person, other in ((teller, read), (elsewhere, whole)):
        assert (await person.get(path, headers={"If-None-Match": other.headers["ETag"]})).status_code == 200
    again = await elsewhere.get(path, headers={"If-None-Match": read.headers["ETag"]})
    assert again.status_code == 304, "what they see of it they have"
    assert read.json()["balance"] is None
    rows = await (await accounts.connect()).fetch("SELECT content FROM audit_entries ORDER BY written_at DESC LIMIT 20")
    told = [json.loads(row["content"]) for row in rows]
    (entry,) = [each for each in told if each["trace_id"] == read.headers["Guanxi-Trace"]]
    assert set(entry["customer_ids"]) == {str(owner), str(user)}, "whose account it is, all of them"
    assert (await teller.get(path)).json()["balance"] == "100.2500"
    closing = await accounts.send(elsewhere, f"accounts/{theirs[0]['id']}/close", {"closed_on": "2026-03-02"}, 1)
    assert closing.status_code == 404
