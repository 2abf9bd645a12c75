"""Integrators read the events with the clients that they have: each record is what its schema promised."""

import asyncio
import json
import shutil
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # it brings no types

from guanxi.demo.people import people
from guanxi.documents import FOLDER
from guanxi.local.issuer import ADMIN
from guanxi.local.stack import Stack
from libs.contracts import complaints, customer, manager, marketing, scoring
from tests.conftest import ROOT
from tests.e2e.person import SignIn
from tests.e2e.test_story import known, open_branch
from tests.polling import until

pytestmark = pytest.mark.e2e

TOPICS = [told.EVENTS.name for told in (customer, manager, marketing, complaints, scoring)]
REGISTERED = "crm.customer.registered.v1"
ONE_OF_EACH = {
    REGISTERED,
    "crm.assignment.started.v1",
    "crm.points.earned.v1",
    "crm.complaint.received.v1",
    "crm.score.computed.v1",
}
CONSOLE = "org.apache.kafka.tools.consumer.ConsoleConsumer"
QUIET = 5.0


@pytest.fixture(scope="module")
async def customer_id(signed_in: SignIn) -> str:
    here = await open_branch(signed_in(ADMIN, "admin"), "i01")
    teller = signed_in("teller-i01", "teller")
    await known(teller)
    document = {"type": "resident_id", "number": people(97, 970)[-1].document}
    made = await teller.post("/api/v1/customers", {"name": "读", "home_unit_id": here.unit_id, "documents": [document]})
    customer_id = str(made.json()["id"])
    account = {"customer_id": customer_id, "kind": "savings", "product": "p", "number": "6229990000009957"}
    case = {"customer_id": customer_id, "channel": "phone", "business": "card", "cause": "atm", "facts": "等。"}
    for path, body in (("/api/v1/accounts", account), ("/api/v1/complaints", case)):
        done = await teller.post(path, body)
        assert done.status_code == 201, done.text

    async def all_five_told() -> bool:
        rows = (await teller.get("/api/v1/interactions", customer_id=customer_id, limit="200")).json()["items"]
        return {row["type"] for row in rows} >= ONE_OF_EACH

    await until(all_five_told)
    return customer_id


def checked(told: Iterable[tuple[str, str]]) -> set[str]:
    """The types of records, each of which is what its schema says."""
    types = set()
    for type_, value in told:
        Draft202012Validator(json.loads((FOLDER / "schemas" / f"{type_}.json").read_text())).validate(json.loads(value))
        types.add(type_)
    return types


async def run(*argv: str) -> tuple[str, str]:
    process = await asyncio.create_subprocess_exec(*argv, stdout=PIPE, stderr=PIPE, cwd=ROOT)
    output, errors = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, errors.decode()[-2000:]
    return output.decode(), errors.decode()


async def example(stack: Stack, group: str) -> list[dict[str, Any]]:
    options = ("--kafka", stack.kafka.bootstrap, "--group", group, "--quiet", str(QUIET))
    output, said = await run(sys.executable, "examples/consumer.py", *TOPICS, *options)
    assert "not as its schema says" not in said
    assert "no event" not in said
    return [json.loads(line) for line in output.splitlines()]


async def test_the_example_reads_each_event_once_and_goes_on_where_it_ended(stack: Stack, customer_id: str) -> None:
    group = f"example-{uuid4()}"
    events = await example(stack, group)
    assert len({event["id"] for event in events}) == len(events)
    about = [event for event in events if event["key"] == customer_id]
    for subject in {event["subject"] for event in about}:
        sequences = [event["sequence"] for event in about if event["subject"] == subject]
        assert sequences == sorted(sequences)
    assert {event["type"] for event in about} >= ONE_OF_EACH
    first = next(event for event in about if event["type"] == REGISTERED)
    assert first["data"]["customer_id"] == first["subject"] == customer_id
    assert await example(stack, group) == []


async def test_kafkas_own_console_consumer_reads_them(stack: Stack, customer_id: str) -> None:
    shown = [option for name in ("headers", "key") for option in ("--formatter-property", f"print.{name}=true")]
    output = await stack.kafka.run_tool(
        CONSOLE, "--bootstrap-server", stack.kafka.bootstrap, "--include", "|".join(TOPICS), "--from-beginning",
        "--timeout-ms", str(int(QUIET * 1000)), *shown,
    )  # fmt: skip
    lines = [line for line in output.splitlines() if "ce_type:" in line]
    assert {line.count("\t") for line in lines} == {2}
    records = [line.split("\t") for line in lines]
    headers = [dict(header.split(":", 1) for header in told.split(",")) for told, _, _ in records]
    types = checked((told["ce_type"], value) for told, (_, _, value) in zip(headers, records, strict=True))
    assert types >= ONE_OF_EACH
    assert customer_id in {key for _, key, _ in records}


@pytest.mark.skipif(shutil.which("kcat") is None, reason="there is no kcat here")
async def test_kcat_reads_them(stack: Stack, customer_id: str) -> None:
    asked = ("kcat", "-b", stack.kafka.bootstrap, "-C", "-e", "-q", "-J", "-t")
    outputs = [(await run(*asked, topic))[0] for topic in TOPICS]
    records = [json.loads(line) for output in outputs for line in output.splitlines()]
    headers = [dict(zip(record["headers"][::2], record["headers"][1::2], strict=True)) for record in records]
    told = [(head["ce_type"], record["payload"]) for head, record in zip(headers, records, strict=True)]
    assert checked(told) >= ONE_OF_EACH
    assert customer_id in {record["key"] for record in records}
