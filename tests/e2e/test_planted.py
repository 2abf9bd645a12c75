"""Identifiers and descriptors planted through the API are looked for, in clear, wherever bytes come to rest."""

import asyncio
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaProducer
from pydantic_core import to_json

from guanxi.audit import owner_of
from guanxi.client import Client
from guanxi.demo.people import people
from guanxi.local.issuer import ADMIN, ISSUER
from guanxi.local.settings import APPS
from guanxi.local.stack import Stack
from libs.contracts.catalogue import CORE, SECTIONS, TOPICS
from libs.contracts.core import ACCOUNTS, TRANSACTIONS, CoreAccount, CoreTransaction, Holder
from tests.collector import Collector
from tests.kafka import records_of
from tests.polling import until

pytestmark = pytest.mark.e2e

PERSON = people(99, 990)[-1]
PHONE = "13900009901"
ACCOUNT = "6229990000009908"
EMAIL, ADDRESS = "planted.nobody@example.org", "上海市浦东新区植入路987号654室"
STATED, EARLY, BROKEN = "6229990000009916", "6229990000009924", "6229990000009932"
"""Numbers that the core states: of an account, of one that is booked on before it is known, in a record that is broken."""
NAME, BORN, FACTS = "欧阳慕容司空", "1931-07-29", "The planted machine swallowed a card."
"""Descriptors: they stand in their owner's database and in sections, and nowhere else."""
SECTION_TOPICS = [topic.name for topic, _ in SECTIONS.values()]


async def test_planted_identifiers_are_nowhere_in_clear(stack: Stack, collector: Collector) -> None:
    customer_id = await plant(stack)
    await state(stack)
    await checkpoint(stack)
    needles = [PERSON.document, PHONE, f"+86{PHONE}", ACCOUNT, EMAIL, ADDRESS, STATED, EARLY, BROKEN]
    found = await asyncio.to_thread(look_for, stack.settings.home, needles, ("postgres", "logs", "console.log"))
    found += await asyncio.to_thread(look_for, stack.settings.home, needles[:-3], ("kafka",))
    found += await in_metrics(stack, needles)
    found += await in_traces(stack, collector, needles)
    found += await in_records(stack, needles, [topic.name for topic in TOPICS if topic not in CORE])
    assert found == []
    assert len(await in_records(stack, needles, [topic.name for topic in CORE])) == 3, "the core says numbers in clear"
    seen = await asyncio.to_thread(look_for, stack.settings.home, [customer_id])
    assert any("postgres/" in place for place in seen), "the search finds nothing in database files"
    assert await in_records(stack, [customer_id]), "the search finds nothing in records"
    assert await asyncio.to_thread(look_for, stack.settings.home, ["leading"]), "the search finds nothing in logs"


async def test_planted_descriptors_are_in_no_event_log_metric_or_trace(stack: Stack, collector: Collector) -> None:
    needles = [NAME, BORN, FACTS]
    await describe(stack)
    found = await asyncio.to_thread(look_for, stack.settings.home, needles, ("logs", "console.log"))
    found += await in_metrics(stack, needles)
    found += await in_traces(stack, collector, needles)
    found += await in_records(stack, needles, [topic.name for topic in TOPICS if topic.name not in SECTION_TOPICS])
    assert found == []
    for needle in (NAME, BORN):
        assert await in_records(stack, [needle], SECTION_TOPICS), f"{needle} is in no section: nothing was planted"
    await checkpoint(stack)
    assert await asyncio.to_thread(look_for, stack.settings.home, [FACTS], ("postgres",)), "nothing was planted"
    assert await in_records(stack, [FACTS], SECTION_TOPICS) == []


async def describe(stack: Stack) -> None:
    """Register by name, look for it by name, complain, make mistakes with all of it."""
    await hire_teller(stack)
    headers = {"Authorization": f"Bearer {stack.issuer.token('planted', ['teller'])}"}
    async with httpx.AsyncClient(base_url=stack.settings.gateway, headers=headers, timeout=15) as teller:

        async def known() -> bool:
            answers = [await teller.get(f"/api/v1/{what}") for what in ("customers", "complaints")]
            return all(answer.status_code == 200 for answer in answers)

        await until(known)
        body = {"name": NAME, "birth_date": BORN}
        made = await teller.post("/api/v1/customers", json=body, headers=key())
        assert made.status_code == 201, made.text
        after = {"Guanxi-Consistency": made.headers["Guanxi-Consistency"]}
        case = {
            "customer_id": made.json()["id"],
            "channel": "phone",
            "business": "card",
            "cause": "atm",
            "facts": FACTS,
        }
        told = await teller.post("/api/v1/complaints", json=case, headers={**key(), **after})
        assert told.status_code == 201, told.text
        found = await teller.get("/api/v1/customers", params={"name": NAME}, headers=after)
        assert [row["name"] for row in found.json()["items"]] == [NAME]
        wrong = {**body, "home_unit_id": NAME, "gender": FACTS}
        assert (await teller.post("/api/v1/customers", json=wrong, headers=key())).status_code == 422
        assert (await teller.get(f"/api/v1/customers/{NAME}")).status_code == 422

        async def visible() -> bool:
            view = await teller.get(f"/api/v1/customers/{made.json()['id']}/360")
            return view.status_code == 200 and NAME in view.text

        await until(visible)


async def plant(stack: Stack) -> str:
    """Register, search and fail with identifiers; returns the customer's id once it shows in the view."""
    await hire_teller(stack)
    headers = {"Authorization": f"Bearer {stack.issuer.token('planted', ['teller'])}"}
    async with httpx.AsyncClient(base_url=stack.settings.gateway, headers=headers, timeout=15) as teller:

        async def known() -> bool:
            return (await teller.get("/api/v1/customers")).status_code == 200

        await until(known)
        customer_id = await register_and_look(teller)

        async def visible() -> bool:
            view = await teller.get(f"/api/v1/customers/{customer_id}/360")
            return view.status_code == 200 and ACCOUNT[-4:] in view.text

        await until(visible)
        await reveal(stack, teller, customer_id)
        return customer_id


async def state(stack: Stack) -> None:
    """As the core states them: an account, a booking that comes before its account, and a record of no use."""
    account = CoreAccount(
        source="planted", account_ref=STATED, kind="savings", product="p", currency="CNY", status="open", sequence=1,
        holders=[Holder(customer_ref="planted", role="owner")], unit_code=None, opened_on=None, as_of=datetime.now(UTC),
    )  # fmt: skip
    early = CoreTransaction(
        source="planted", transaction_ref="planted-1", account_ref=EARLY, direction="credit", amount=Decimal(5),
        currency="CNY", booked_at=datetime.now(UTC), channel=None, category=None, counterparty_bank=None,
        initiated_by="customer", sequence=1,
    )  # fmt: skip
    producer = AIOKafkaProducer(bootstrap_servers=stack.kafka.bootstrap)
    await producer.start()
    for topic, content in (
        (ACCOUNTS, to_json(account)),
        (TRANSACTIONS, to_json(early)),
        (ACCOUNTS, f'{{"account_ref": "{BROKEN}", "sequence": "many"}}'.encode()),
    ):
        await producer.send_and_wait(topic.name, content, key=b"planted")
    await producer.stop()

    async def taken() -> bool:
        async with owner_of(stack, "customer") as own:
            counts = [
                "SELECT count(*) FROM accounts WHERE source = 'planted'",
                "SELECT count(*) FROM transactions WHERE source = 'planted'",
                "SELECT count(*) FROM dead_letters WHERE topic = 'core.accounts.v1'",
            ]
            return all([await own.fetchval(count) for count in counts])

    await until(taken)


async def reveal(stack: Stack, teller: httpx.AsyncClient, customer_id: str) -> None:
    """Looked for by its end, and shown in clear: once to whoever asked, and nowhere else."""
    search = {"kind": "identity_document", "last_four": PERSON.document[-4:]}
    found = await teller.post("/api/v1/customers/find-by-last-four", json=search)
    assert customer_id in [row["id"] for row in found.json()["items"]]
    document = (await teller.get(f"/api/v1/customers/{customer_id}")).json()["documents"][0]
    stronger = {"Authorization": f"Bearer {stack.issuer.token('planted', ['teller'], stepped_up=True)}"}
    body = {"customer_id": customer_id, "kind": "identity_document", "thing_id": document["id"]}
    headers = {**stronger, **key(), "Guanxi-Reason": "the customer calls back"}
    shown = await teller.post("/api/v1/reveals", json=body, headers=headers)
    assert shown.json()["value"] == PERSON.document, shown.text
    told = await teller.post("/api/v1/reveals", json=body, headers={**headers, "Guanxi-Reason": PERSON.document})
    assert told.status_code == 400


async def hire_teller(stack: Stack) -> None:
    async with Client(stack.settings.gateway, stack.issuer.token(ADMIN, ["admin"])) as admin:
        await admin.until_known("/api/v1/org-units")
        unit, _ = await admin.post("/api/v1/org-units", {"code": "planted", "name": "P", "kind": "branch"}, key="p1")
        body = {
            "number": "planted",
            "name": "P",
            "unit_ids": [unit["id"]],
            "roles": ["teller"],
            "logins": [{"issuer": ISSUER, "subject": "planted"}],
        }
        await admin.post("/api/v1/staff", body, key="p2")


async def register_and_look(teller: httpx.AsyncClient) -> str:
    document = {"type": "resident_id", "number": PERSON.document}
    told = {"phone": PHONE, "email": EMAIL, "address": ADDRESS}
    contacts = [{"kind": kind, "value": value} for kind, value in told.items()]
    body = {"name": "张三", "documents": [document], "contact_points": contacts}
    made = await teller.post("/api/v1/customers", json=body, headers=key())
    assert made.status_code == 201, made.text
    customer_id = str(made.json()["id"])
    after = {"Guanxi-Consistency": made.headers["Guanxi-Consistency"]}
    account = {"customer_id": customer_id, "kind": "current", "product": "p", "number": ACCOUNT}
    assert (await teller.post("/api/v1/accounts", json=account, headers={**key(), **after})).status_code == 201
    found = await teller.post("/api/v1/customers/find-by-document", json=document)
    assert found.json()["id"] == customer_id
    twice = await teller.post("/api/v1/customers", json=body, headers=key())
    assert twice.status_code == 409
    for answer in (made, found, twice):
        assert PERSON.document not in answer.text
    return customer_id


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


async def checkpoint(stack: Stack) -> None:
    """Everything that PostgreSQL still holds in memory goes to its files."""
    connection = await asyncpg.connect(stack.postgres.admin_dsn)
    await connection.execute("CHECKPOINT")
    await connection.close()


def look_for(
    home: Path, needles: list[str], parts: tuple[str, ...] = ("postgres", "kafka", "logs", "console.log")
) -> list[str]:
    """Database files, WAL, topics and logs; keys and the program's own jars aside."""
    wanted = [needle.encode() for needle in needles]
    wanted += [bytes.fromhex(needle.replace("-", "")) for needle in needles if needle.count("-") == 4]
    found = []
    for part in parts:
        top = home / part
        for file in [top] if top.is_file() else sorted(top.rglob("*")):
            if file.is_file() and file.suffix != ".jar":
                content = file.read_bytes()
                found += [f"{needle!r} in {file.relative_to(home)}" for needle in wanted if needle in content]
    return found


async def in_records(stack: Stack, needles: list[str], topics: list[str] | None = None) -> list[str]:
    """Keys, values and headers of every record: on the disk they lie compressed."""
    wanted = [needle.encode() for needle in needles]
    found = []
    for topic in topics or [topic.name for topic in TOPICS]:
        async for record in records_of(stack.kafka.bootstrap, topic):
            parts = [record.key or b"", record.value or b"", *(value or b"" for _, value in record.headers)]
            found += [f"{needle!r} on {topic}" for needle in wanted if any(needle in part for part in parts)]
    return found


async def in_metrics(stack: Stack, needles: list[str]) -> list[str]:
    async with httpx.AsyncClient() as client:
        texts = {app: (await client.get(f"{stack.settings.address(app, 2)}/metrics")).text for app in APPS}
    assert all("guanxi_http_request_seconds" in text for text in texts.values())
    return [f"{needle} in metrics of {app}" for app, text in texts.items() for needle in needles if needle in text]


async def in_traces(stack: Stack, collector: Collector, needles: list[str]) -> list[str]:
    """In spans as they were sent; every app has told those of what it did so far."""
    trace = uuid.uuid4().hex
    async with httpx.AsyncClient(headers={"traceparent": f"00-{trace}-{trace[:16]}-01"}) as client:
        for app in APPS:
            await client.get(f"{stack.settings.address(app, 2)}/health/live")

    async def told() -> bool:
        return {span.service for span in collector.spans if span.trace == trace} == set(APPS)

    await until(told)
    return [f"{needle} in a trace" for needle in needles if any(needle.encode() in body for body in collector.bodies)]
