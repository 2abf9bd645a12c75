"""The auditor asks at the gateway what happened anywhere, and a trail that was tampered with is found out."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from guanxi.audit import Fault, verify
from guanxi.audit_topic import told_on_topic
from guanxi.local.issuer import ADMIN, ISSUER
from guanxi.local.stack import Stack
from libs.common.keyring import KeyRing
from tests.e2e.person import Person, SignIn
from tests.e2e.stacks import guanxi, owner_of
from tests.polling import until

pytestmark = pytest.mark.e2e
APP = "complaints"
ASKED = 102


@pytest.fixture
async def owner(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    async with owner_of(stack, APP) as connection:
        yield connection


async def faults(stack: Stack, own: asyncpg.Connection, app: str = APP) -> list[Fault]:
    on_topic = (await told_on_topic(stack.cluster()))[app]
    assert on_topic
    async with owner_of(stack, "gateway") as gateway:
        verified = await verify(app, own, gateway, KeyRing.load(stack.secrets.keyring("shared")), on_topic)
    assert verified.entries
    assert verified.heads
    return verified.faults


async def auditor(signed_in: SignIn) -> Person:
    admin, number = signed_in(ADMIN, "admin"), f"auditor-{uuid.uuid4()}"
    login = {"issuer": ISSUER, "subject": number}

    async def hired() -> bool:
        units = (await admin.get("/api/v1/org-units")).json().get("items", [])
        if not units:
            await admin.post("/api/v1/org-units", {"code": number, "name": "Head office", "kind": "head_office"})
            return False
        body = {"number": number, "name": "Auditor", "unit_ids": [units[0]["id"]], "roles": ["auditor"]}
        return (await admin.post("/api/v1/staff", {**body, "logins": [login]})).status_code == 201

    await until(hired)
    person = signed_in(number, "auditor")
    person.client.headers["Guanxi-Reason"] = "quarterly review"

    async def known() -> bool:
        answers = [await person.get(f"/api/v1/{what}") for what in ("complaints", "customers", "audit/entries")]
        return all(answer.status_code == 200 for answer in answers)

    await until(known)
    return person


async def test_the_auditor_asks_who_looked_at_a_customer_in_any_app(signed_in: SignIn) -> None:
    person, nobody = await auditor(signed_in), str(uuid.uuid4())
    for path in (f"customers/{nobody}", f"customers/{nobody}/360"):
        assert (await person.get(f"/api/v1/{path}")).status_code == 404
    found: dict[str, dict[str, Any]] = {}

    async def arrived() -> bool:
        answer = await person.get("/api/v1/audit/entries", customer_id=nobody)
        found.update({entry["service"]: entry for entry in answer.json()["items"] if entry["status"] != ASKED})
        return {"customer", "gateway"} <= set(found)

    await until(arrived)
    for entry in found.values():
        assert (entry["status"], entry["reason"], entry["origin"]) == (404, "quarterly review", "127.0.0.1")
        assert entry["actor"].startswith("staff ")
    own = (await person.get("/api/v1/audit/entries", permission="audit:read", limit="1")).json()
    assert len(own["items"]) == 1
    assert own["next"]
    async with signed_in(ADMIN, "admin").client as admin:
        assert (await admin.get("/api/v1/audit/entries")).status_code == 403


async def edit(owner: asyncpg.Connection, row: Any) -> None:
    content = row["content"].replace('"status":200', '"status":404')
    assert content != row["content"]
    await owner.execute(
        "UPDATE audit_entries SET content = $3 WHERE chain = $1 AND sequence = $2",
        row["chain"],
        row["sequence"],
        content,
    )


async def cut_off(owner: asyncpg.Connection, row: Any) -> None:
    await owner.execute("DELETE FROM audit_entries WHERE chain = $1 AND sequence >= $2", row["chain"], row["sequence"])
    await owner.execute("DELETE FROM audit_heads WHERE chain = $1 AND sequence >= $2", row["chain"], row["sequence"])


async def take_out(owner: asyncpg.Connection, row: Any) -> None:
    await owner.execute("DELETE FROM audit_entries WHERE chain = $1 AND sequence = $2", row["chain"], row["sequence"])


async def reorder(owner: asyncpg.Connection, row: Any) -> None:
    await owner.execute(
        "UPDATE audit_entries AS e SET content = o.content, hash = o.hash FROM audit_entries AS o"
        " WHERE e.chain = $1 AND o.chain = $1 AND e.sequence + o.sequence = 2 * $2 + 1 AND e.sequence IN ($2, $2 + 1)",
        row["chain"],
        row["sequence"],
    )


async def sign_anew(owner: asyncpg.Connection, row: Any) -> None:
    await owner.execute(
        "UPDATE audit_heads SET hash = sha256(hash) WHERE (chain, sequence) ="
        " (SELECT chain, max(sequence) FROM audit_heads WHERE chain = $1 GROUP BY chain)",
        row["chain"],
    )


async def test_a_trail_that_was_tampered_with_is_found_out(
    stack: Stack, signed_in: SignIn, owner: asyncpg.Connection
) -> None:
    person = await auditor(signed_in)
    for _ in range(5):
        await person.get("/api/v1/complaints")
    row = await owner.fetchrow(
        "SELECT * FROM audit_entries WHERE content LIKE $1 ORDER BY chain DESC, sequence DESC OFFSET 2 LIMIT 1",
        '%"status":200%',
    )
    await until(lambda: _arrived(stack, row))
    assert await faults(stack, owner) == []
    for tamper in (edit, cut_off, take_out, reorder, sign_anew):
        transaction = owner.transaction(isolation="repeatable_read")
        await transaction.start()
        await tamper(owner, row)
        found = await faults(stack, owner)
        await transaction.rollback()
        assert {fault.chain for fault in found} == {row["chain"]}, f"{tamper.__name__} was not noticed"
    assert await faults(stack, owner) == []


async def test_the_operator_is_told_by_the_exit_status(
    stack: Stack, signed_in: SignIn, owner: asyncpg.Connection
) -> None:
    person = await auditor(signed_in)
    await person.get("/api/v1/complaints")
    row = await owner.fetchrow(
        "SELECT * FROM audit_entries WHERE content LIKE $1 ORDER BY chain DESC, sequence DESC LIMIT 1", '%"status":200%'
    )
    status, said = await guanxi(stack.settings, "audit", "verify", "--app", APP)
    assert status == 0, said
    await edit(owner, row)
    try:
        status, said = await guanxi(stack.settings, "audit", "verify", "--app", APP)
    finally:
        mend = "UPDATE audit_entries SET content = $3 WHERE chain = $1 AND sequence = $2"
        await owner.execute(mend, row["chain"], row["sequence"], row["content"])
    assert (status, str(row["chain"]) in said) == (1, True), said
    assert await faults(stack, owner) == []


async def test_an_end_that_is_cut_off_everywhere_still_stands_on_the_topic(
    stack: Stack, signed_in: SignIn, owner: asyncpg.Connection
) -> None:
    """By somebody who owns both databases."""
    row = await _entry_that_arrived(stack, await auditor(signed_in), owner)
    on_topic = (await told_on_topic(stack.cluster()))[APP]
    async with owner_of(stack, "gateway") as gateway:
        cuts = [(owner, "audit_entries", "audit_heads"), (gateway, "edge.audit", "edge.audit_heads")]
        transactions = []
        for connection, *tables in cuts:
            transactions.append(connection.transaction(isolation="repeatable_read"))
            await transactions[-1].start()
            for table in tables:
                cut = f"DELETE FROM {table} WHERE chain = $1 AND sequence >= $2"  # noqa: S608 - ours
                await connection.execute(cut, row["chain"], row["sequence"])
        ring = KeyRing.load(stack.secrets.keyring("shared"))
        unseen = (await verify(APP, owner, gateway, ring, {})).faults
        seen = (await verify(APP, owner, gateway, ring, on_topic)).faults
        for transaction in transactions:
            await transaction.rollback()
    assert unseen == [], "the databases alone do not tell"
    assert {fault.what for fault in seen} == {"is missing here and stands on the topic"}
    assert (row["chain"], row["sequence"]) in {(fault.chain, fault.sequence) for fault in seen}


async def test_heads_arrive_at_the_gateway_as_they_are_made(
    stack: Stack, signed_in: SignIn, owner: asyncpg.Connection
) -> None:
    row = await _entry_that_arrived(stack, await auditor(signed_in), owner)
    heads = "SELECT sequence, hash, signature FROM {} WHERE chain = $1 AND sequence <= $2 ORDER BY sequence"
    own = await owner.fetch(heads.format("audit_heads"), row["chain"], row["sequence"])
    async with owner_of(stack, "gateway") as gateway:
        copied = await gateway.fetch(heads.format("edge.audit_heads"), row["chain"], row["sequence"])
    assert own
    assert [tuple(head) for head in copied] == [tuple(head) for head in own]


async def _entry_that_arrived(stack: Stack, person: Person, owner: asyncpg.Connection) -> Any:
    """One of the last, with others behind it in its chain, which the gateway has as well."""
    for _ in range(5):
        await person.get("/api/v1/complaints")
    row = await owner.fetchrow("SELECT * FROM audit_entries ORDER BY chain DESC, sequence DESC OFFSET 2 LIMIT 1")
    await until(lambda: _arrived(stack, row))
    return row


async def _arrived(stack: Stack, row: Any) -> bool:
    held = "SELECT count(*) FROM edge.audit WHERE chain = $1 AND sequence > $2"
    async with owner_of(stack, "gateway") as gateway:
        return bool(await gateway.fetchval(held, row["chain"], row["sequence"]))


async def test_a_copy_that_is_told_otherwise_is_found_out(stack: Stack, owner: asyncpg.Connection) -> None:
    async with owner_of(stack, "gateway") as gateway:
        transaction = gateway.transaction(isolation="repeatable_read")
        await transaction.start()
        for change in (
            "actor = 'staff nobody'",
            "customer_ids = '{}', thing_ids = '{}', status = 404",
            "service = 'x'",
            "follows = id",
        ):
            told = f"UPDATE edge.audit SET {change} WHERE service = $1 AND status = 200"  # noqa: S608 - ours
            savepoint = gateway.transaction()
            await savepoint.start()
            await gateway.execute(told, APP)
            ring = KeyRing.load(stack.secrets.keyring("shared"))
            found = (await verify(APP, owner, gateway, ring, {})).faults
            await savepoint.rollback()
            assert "the copy is not told as it was written" in {fault.what for fault in found}, change
        await transaction.rollback()


@pytest.mark.parametrize("app", ["customer", "manager", "complaints", "gateway"])
async def test_an_untouched_trail_fits(stack: Stack, app: str) -> None:
    async with owner_of(stack, app) as own:
        assert await faults(stack, own, app) == []
