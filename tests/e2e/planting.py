"""Identifiers and descriptors, planted through the API and the core's topics as those who use the system tell them."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
from aiokafka import AIOKafkaProducer
from pydantic_core import to_json

from guanxi.client import Client
from guanxi.demo.people import people
from guanxi.local.issuer import ADMIN, ISSUER
from guanxi.local.stack import Stack
from libs.contracts.core import ACCOUNTS, TRANSACTIONS, CoreAccount, CoreTransaction, Holder
from tests.e2e.stacks import owner_of
from tests.polling import PATIENCE, until

PERSON = people(99, 990)[-1]
PHONE = "13900009901"
ACCOUNT = "6229990000009908"
EMAIL, ADDRESS = "planted.nobody@example.org", "上海市浦东新区植入路987号654室"
STATED, EARLY, BROKEN = "6229990000009916", "6229990000009924", "6229990000009932"
"""Numbers that the core states: of an account, of one that is booked on before it is known, in a record that is broken."""
NAME, BORN, FACTS = "欧阳慕容司空", "1931-07-29", "The planted machine swallowed a card."
"""Descriptors: name and birth date stand in their owner's database and in sections; what people write, in the former alone."""
NOTE, OUTCOME, MESSAGE = "A planted note.", "A planted outcome.", "A planted message."
NEED, WALL, PURPOSE = "A planted need.", "A planted wall.", "A planted purpose."
DECISION, CAUSE, REMEDY, FAULT = "A planted decision.", "A planted cause.", "A planted remedy.", "A planted fault."
TOLD = [PERSON.document, PHONE, f"+86{PHONE}", ACCOUNT, EMAIL, ADDRESS]
BY_CORE = [STATED, EARLY, BROKEN]
WRITTEN = [FACTS, NOTE, OUTCOME, MESSAGE, NEED, WALL, PURPOSE, DECISION, CAUSE, REMEDY, FAULT]


async def describe(stack: Stack) -> None:
    """Register by name, look for it by name, complain and be heard, make mistakes with all of it."""
    await hire(stack, "teller", "teller")
    headers = {"Authorization": f"Bearer {stack.issuer.token('planted-teller', ['teller'])}"}
    async with httpx.AsyncClient(base_url=stack.settings.gateway, headers=headers, timeout=PATIENCE) as teller:

        async def known() -> bool:
            answers = [await teller.get(f"/api/v1/{what}") for what in ("customers", "complaints")]
            return all(answer.status_code == 200 for answer in answers)

        await until(known)
        body = {"name": NAME, "birth_date": BORN, "documents": [{"type": "passport", "number": "T99000001"}]}
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
        await spend(teller, made.json()["id"], after)
    await serve(stack, made.json()["id"], told.json()["id"])


async def spend(teller: httpx.AsyncClient, customer_id: str, after: dict[str, str]) -> None:
    """What an account earns, for a purpose that somebody writes down."""
    account = {"customer_id": customer_id, "kind": "current", "product": "p", "number": "6229990000009940"}
    opened = await teller.post("/api/v1/accounts", json=account, headers={**key(), **after})
    assert opened.status_code == 201, opened.text
    earned: list[str] = []

    async def have_earned() -> bool:
        answer = await teller.get("/api/v1/points-accounts", params={"customer_id": customer_id})
        earned[:] = [row["id"] for row in answer.json().get("items", [])]
        return bool(earned)

    await until(have_earned)
    body = {"points": 1, "purpose": PURPOSE}
    spent = await teller.post(f"/api/v1/points-accounts/{earned[0]}/spend", json=body, headers=key())
    assert spent.status_code == 200, spent.text


async def serve(stack: Stack, customer_id: str, complaint_id: str) -> None:
    """What people write down who serve a customer: a task and its outcome, why somebody sees them and somebody does not, a
    complaint's ends, a campaign's message."""
    helper = await hire(stack, "helper", "manager", "complaint_officer")
    await hire(stack, "head", "branch_head", "marketing_officer")
    token = stack.issuer.token("planted-head", ["branch_head", "marketing_officer"])
    async with Client(stack.settings.gateway, token) as head:
        await head.until_known(f"/api/v1/complaints/{complaint_id}", "/api/v1/campaigns")
        unit = (await head.get(f"/api/v1/customers/{customer_id}"))["home_unit_id"]
        due = datetime.now(UTC) + timedelta(days=1)
        task = {"customer_id": customer_id, "staff_id": helper, "kind": "call", "due_at": due.isoformat(), "note": NOTE}
        opened, _ = await head.post("/api/v1/tasks", task, key="planted task")
        await head.change(f"/api/v1/tasks/{opened['id']}", "complete", {"outcome": OUTCOME}, key="planted outcome")
        grant = {"customer_id": customer_id, "staff_id": helper, "reason": NEED, "ends_at": due.isoformat()}
        await head.post("/api/v1/access-grants", grant, key="planted grant")
        for move, told in (
            ("accept", None),
            ("assign", {"handler_id": helper}),
            ("reply", {"decision": DECISION, "channel": "phone"}),
            ("close", {"root_cause": CAUSE, "responsibility": FAULT, "remedy": REMEDY}),
        ):
            await head.change(f"/api/v1/complaints/{complaint_id}", move, told, key=f"planted {move}")
        campaign = {"org_unit_id": unit, "code": "planted", "name": "P", "channel": "sms", "message": MESSAGE}
        await head.post("/api/v1/campaigns", campaign, key="planted campaign")
    outsider = await hire(stack, "outsider", "manager")
    await hire(stack, "compliance", "compliance")
    async with Client(stack.settings.gateway, stack.issuer.token("planted-compliance", ["compliance"])) as compliance:
        await compliance.until_known("/api/v1/ethical-walls")
        wall = {"customer_id": customer_id, "staff_id": outsider, "reason": WALL}
        await compliance.post("/api/v1/ethical-walls", wall, key="planted wall")


async def plant(stack: Stack) -> str:
    """Register, search and fail with identifiers; returns the customer's id once it shows in the view."""
    await hire(stack, "teller", "teller")
    headers = {"Authorization": f"Bearer {stack.issuer.token('planted-teller', ['teller'])}"}
    async with httpx.AsyncClient(base_url=stack.settings.gateway, headers=headers, timeout=PATIENCE) as teller:

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
    stronger = {"Authorization": f"Bearer {stack.issuer.token('planted-teller', ['teller'], stepped_up=True)}"}
    body = {"customer_id": customer_id, "kind": "identity_document", "thing_id": document["id"]}
    headers = {**stronger, **key(), "Guanxi-Reason": "the customer calls back"}
    shown = await teller.post("/api/v1/reveals", json=body, headers=headers)
    assert shown.json()["value"] == PERSON.document, shown.text
    told = await teller.post("/api/v1/reveals", json=body, headers={**headers, "Guanxi-Reason": PERSON.document})
    assert told.status_code == 400


async def hire(stack: Stack, name: str, *roles: str) -> str:
    """Somebody of the branch `planted`, who signs in as `planted-<name>`; returns their id."""
    async with Client(stack.settings.gateway, stack.issuer.token(ADMIN, ["admin"])) as admin:
        await admin.until_known("/api/v1/org-units")
        unit, _ = await admin.post("/api/v1/org-units", {"code": "planted", "name": "P", "kind": "branch"}, key="p1")
        body = {
            "number": f"planted {name}",
            "name": "P",
            "unit_ids": [unit["id"]],
            "roles": list(roles),
            "logins": [{"issuer": ISSUER, "subject": f"planted-{name}"}],
        }
        hired, _ = await admin.post("/api/v1/staff", body, key=f"planted {name}")
        return str(hired["id"])


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
