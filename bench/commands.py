"""One row read through the ORM, and a whole command, each beside the same with no platform on it."""

import itertools
import json
from collections.abc import Iterator
from uuid import uuid4

import aiohttp

from bench.figures import Figure, Target, rates, rounds
from bench.ground import Ground, answers
from bench.load import request

CONNECTIONS = 16


async def reads(ground: Ground, raw: Target, *, seconds: float, count: int) -> Figure:
    """A single row by a route of the manager service: token, permission, scope, ORM, ETag, audit entry."""
    port, process = await ground.serve("manager", 10)
    headers = {"Authorization": f"Bearer {ground.token('admin')}"}
    unit = await _opened(f"http://127.0.0.1:{port}/api/v1/org-units", headers)
    path = f"/api/v1/org-units/{unit}"
    await answers(f"http://127.0.0.1:{port}{path}", headers)
    target = Target(port, process.pid, [request(path, headers)])
    pair = await rounds(target, raw, connections=CONNECTIONS, seconds=seconds, count=count)
    return rates("one row through the ORM / one row", pair, 0.20)


async def _opened(url: str, headers: dict[str, str]) -> str:
    body = {"code": "bench", "name": "Bench", "kind": "branch"}
    told = {**headers, "Idempotency-Key": str(uuid4())}
    async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=told) as answer:
        if not answer.ok:
            raise RuntimeError(f"{url}: {answer.status} {await answer.text()}")
        return str((await answer.json())["id"])


async def commands(ground: Ground, *, seconds: float, count: int) -> Figure:
    """A registration, each with a key of its own: validated, one aggregate, its event, its marks, its audit entry."""
    port, process = await ground.serve("customer", 11)
    bare_port, bare = await ground.floor("orm", 12, ground.url("gateway", "app"))
    body = json.dumps({"name": "张伟", "home_unit_id": str(ground.customers[0])}).encode()
    told = {"Content-Type": "application/json"}
    signed_in = {**told, "Authorization": f"Bearer {ground.token('teller')}"}
    floor = Target(bare_port, bare.pid, [request("/things", told, "POST", body)])
    measured = Target(port, process.pid, _keyed("/api/v1/customers", signed_in, body))
    pair = await rounds(measured, floor, connections=CONNECTIONS, seconds=seconds, count=count)
    return rates("a command / two rows through the ORM", pair, 0.60)


def _keyed(path: str, headers: dict[str, str], body: bytes) -> Iterator[bytes]:
    for number in itertools.count():
        yield request(path, {**headers, "Idempotency-Key": f"bench-{number}"}, "POST", body)
