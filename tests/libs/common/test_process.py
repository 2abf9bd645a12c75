"""A process of an app: what it says, and how it ends."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from contextlib import suppress

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from libs.common.kafka import group_of
from tests.conftest import ROOT, Ground
from tests.polling import until
from tests.ports import free_port
from tests.served import listens, ports_in_a_row, start

DATABASE, SERVICE = "rotation", "customer"
"""Not the service's own, which others find as they left it: a worker writes down what it heard, and when."""
BODY = b'{"name": "x"}'
HEAD = f"POST /api/v1/customers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
END_SECONDS = 10.0
"""Less than a cluster waits before it kills, and less than Kafka waits for a member that says nothing."""


@pytest.fixture(autouse=True)
async def migrated(ground: Ground) -> None:
    await ground.migrate(DATABASE, f"services.{SERVICE}")


async def test_who_is_half_way_through_asking_is_answered_by_a_process_that_ends(ground: Ground) -> None:
    port, ports = ports_in_a_row()
    process = await start(ground, DATABASE, SERVICE, without="worker", **ports)
    await until(lambda: listens(port))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD.encode() + BODY[:5])
    other, asks = await asyncio.open_connection("127.0.0.1", port)  # once it is answered, the first was heard, too
    asks.write(b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n")
    await other.readuntil(b"\r\n\r\n")
    process.terminate()

    async def is_closed_to_others() -> bool:
        return not await listens(port)

    await until(is_closed_to_others)
    writer.write(BODY[5:])
    assert (await reader.readline()).startswith(b"HTTP/1.1 401")
    assert await asyncio.wait_for(process.wait(), END_SECONDS) == 0
    for each in (writer, asks):
        each.close()


async def test_a_worker_that_ends_leaves_its_group_and_said_nothing_but_json(ground: Ground) -> None:
    """Its collector of spans is away all the while, which keeps it from nothing."""
    _, ports = ports_in_a_row()
    told = {**ports, "GUANXI_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}", "GUANXI_TRACE_SHARE": "1"}
    process = await start(ground, DATABASE, SERVICE, without="app", stdout=PIPE, **told)
    admin = AIOKafkaAdminClient(bootstrap_servers=ground.kafka.bootstrap)
    await admin.start()

    async def members() -> int:
        (answer,) = await admin.describe_consumer_groups([group_of(SERVICE)])
        return len(answer.groups[0][5])

    async def has_joined() -> bool:
        with suppress(KafkaError):  # of a group that nobody ever was in
            return await members() > 0
        return False

    await until(has_joined)
    assert process.stdout is not None
    lines = []
    while not lines or lines[-1]["event"] != "leading":
        lines.append(json.loads(await process.stdout.readline()))
    process.terminate()
    said, _ = await asyncio.wait_for(process.communicate(), END_SECONDS)
    assert process.returncode == 0
    assert await members() == 0
    await admin.close()
    lines += map(json.loads, said.splitlines())
    assert {"event", "level", "service", "timestamp"} <= set.intersection(*map(set, lines))


async def test_who_names_no_app_to_migrate_is_told_which_there_are() -> None:
    argv = [sys.executable, "-m", "libs.common.migrations", "services.lending"]
    process = await asyncio.create_subprocess_exec(*argv, cwd=ROOT, stderr=PIPE)
    _, said = await process.communicate()
    assert process.returncode == 2
    assert said.decode().splitlines()[-1].endswith("no app services.lending: name one as services.customer, or gateway")
