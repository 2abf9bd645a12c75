"""Attacks on the whole system, over the wire: each is refused, none is an error of ours, and nothing more happens.

Forged tokens: tests/libs/common/test_forged_tokens.py. Heads that are too large, bodies that are too slow or ambiguous:
tests/libs/common/test_bounds.py, tests/gateway/test_forwarding.py. Webhooks that lead inside:
tests/libs/common/test_outbound.py. Ids of others, in every path by every role: tests/security/test_scope_matrix.py.
"""

import asyncio
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from gateway.documents import document
from guanxi.local.issuer import ADMIN
from guanxi.local.stack import Stack
from tests.e2e.person import Person, SignIn
from tests.e2e.test_story import known, open_branch
from tests.polling import until

pytestmark = pytest.mark.e2e

REFUSED = range(400, 500)
INSIDE = uuid.UUID(int=7)
HUGE, PIECE = 100 * 1024 * 1024, 65536


@dataclass(frozen=True)
class Attacker:
    """Somebody with a token of a teller, and a wire to the gateway."""

    port: int
    token: str
    person: Person
    other: Person

    async def raw(self, *parts: bytes) -> bytes:
        """What the gateway answers to bytes, until it falls silent or hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            return await asyncio.wait_for(reader.read(65536), 10)
        finally:
            writer.close()

    async def ask(self, target: str, *headers: str, method: str = "GET") -> tuple[int, bytes]:
        told = "".join(f"{header}\r\n" for header in (f"Authorization: Bearer {self.token}", *headers))
        answer = await self.raw(f"{method} {target} HTTP/1.1\r\nHost: bank\r\n{told}\r\n".encode())
        return int(answer.split(b" ", 2)[1]), answer


@pytest.fixture(scope="module")
async def attacker(stack: Stack, signed_in: SignIn) -> Attacker:
    await open_branch(signed_in(ADMIN, "admin"), "a01")
    person, other = signed_in("teller-a01", "teller"), signed_in("branch_head-a01", "branch_head")
    for each in (person, other):
        await known(each)
    token = stack.issuer.token("teller-a01", ["teller"])
    return Attacker(stack.settings.port("gateway"), token, person, other)


@pytest.mark.parametrize(
    "target",
    [
        f"/internal/v1/sections/{INSIDE}",
        f"/api/v1/../../internal/v1/sections/{INSIDE}",
        f"/api/v1/customers/../../../internal/v1/sections/{INSIDE}",
        f"/api/v1/customers/%2e%2e/%2e%2e/%2e%2e/internal/v1/sections/{INSIDE}",
        f"/api/v1/customers/..%2f..%2f..%2finternal%2fv1%2fsections%2f{INSIDE}",
        "/api/v1/customers/..;/..;/metrics",
        "/metrics",
        "/health/ready",
        "/api/v1/../../metrics",
        "/openapi.json/../metrics",
        "/docs/../../../etc/passwd",
        "/docs/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/api/v1//customers",
        "/api/v1/customers%00",
        "/api/v1/customers/%00",
        "/api/v1/customers/%c0%ae%c0%ae/",
        "/api/v1/\\..\\metrics",
        "/api/v1/http://127.0.0.1:1/",
        "/api/v1/customers@127.0.0.1:1/",
    ],
)
async def test_a_path_leads_nowhere_else(attacker: Attacker, target: str) -> None:
    status, answer = await attacker.ask(target)
    assert status in REFUSED, answer[:200]
    for told in (b"guanxi_http", b"root:", b'"staff":', b'"status":"ready"'):
        assert told not in answer


async def test_a_whole_address_in_the_request_line_is_a_path_of_ours(attacker: Attacker) -> None:
    status, _ = await attacker.ask("http://evil.example/api/v1/nothing")
    assert status in REFUSED


async def test_a_line_break_in_a_value_becomes_no_header(attacker: Attacker) -> None:
    for target in ("/api/v1/customers?name=a%0d%0aX-Injected:%201", "/api/v1/customers/%0d%0aX-Injected:%201"):
        _, answer = await attacker.ask(target)
        assert b"x-injected" not in answer.partition(b"\r\n\r\n")[0].lower()


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 4", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
        ("Content-Length: 4", "Content-Length: 60"),
        ("Content-Length: +4",),
        ("Content-Length : 4",),
        ("X: a\r\n folded",),
    ],
)
async def test_a_second_request_is_not_smuggled_in(attacker: Attacker, headers: tuple[str, ...]) -> None:
    told = "".join(f"{header}\r\n" for header in (f"Authorization: Bearer {attacker.token}", *headers))
    head = f"POST /api/v1/complaints HTTP/1.1\r\nHost: bank\r\nIdempotency-Key: k\r\n{told}\r\n"
    hidden = f"0\r\n\r\nGET /api/v1/staff HTTP/1.1\r\nHost: bank\r\nAuthorization: Bearer {attacker.token}\r\n\r\n"
    answer = await attacker.raw(head.encode(), hidden.encode())
    assert answer.startswith(b"HTTP/1.1 4"), answer[:200]
    assert b'"items"' not in answer, "what was hidden in the body was answered"


@pytest.mark.parametrize(
    "bomb",
    [
        b"[" * 200_000,
        b'{"facts":' * 50_000,
        b'{"facts": ' + b"9" * 900_000 + b"}",
        b'{"facts": 1e999999999}',
        b'{"customer_id": "' + b"x" * 900_000 + b'"}',
        b'{"regimes": [' + b'"nfra",' * 100_000 + b'"nfra"]}',
        b"\xff\xfe\x00",
        b'"\\ud800"',
    ],
    ids=[
        "depth",
        "depth of objects",
        "a number without end",
        "beyond all numbers",
        "a long id",
        "many",
        "no text",
        "half a character",
    ],
)
async def test_a_body_made_to_hurt_is_refused(attacker: Attacker, bomb: bytes) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4()), "Content-Type": "application/json"}
    answer = await attacker.person.client.post("/api/v1/complaints", content=bomb, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("told", [f"Content-Length: {HUGE}", "Transfer-Encoding: chunked"])
async def test_a_hundred_megabytes_are_not_taken_in(attacker: Attacker, told: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", attacker.port)
    answered = asyncio.create_task(reader.readline())
    lines = f"Authorization: Bearer {attacker.token}\r\nIdempotency-Key: k\r\nContent-Type: application/json\r\n{told}"
    writer.write(f"POST /api/v1/complaints HTTP/1.1\r\nHost: bank\r\n{lines}\r\n\r\n".encode())
    piece, sent = b"%x\r\n%s\r\n" % (PIECE, b" " * PIECE) if "chunked" in told else b" " * PIECE, 0
    with suppress(ConnectionError):
        while sent < HUGE and not answered.done():
            writer.write(piece)
            sent += PIECE
            await writer.drain()
            await asyncio.sleep(0)
    with suppress(ConnectionError):  # the end of the connection may overtake the answer
        assert b" 413 " in await asyncio.wait_for(answered, 10)
    assert sent < HUGE / 4, "what is refused is not read"
    writer.close()


async def test_a_key_of_somebody_else_replays_nothing(attacker: Attacker) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    mine = await attacker.person.client.post("/api/v1/customers", json={"name": "甲"}, headers=key)
    again = httpx.Response(0)

    async def replayed() -> bool:
        nonlocal again
        again = await attacker.person.client.post("/api/v1/customers", json={"name": "甲"}, headers=key)
        return again.headers.get("Idempotency-Replayed") == "true"

    await until(replayed)
    theirs = await attacker.other.client.post("/api/v1/customers", json={"name": "甲"}, headers=key)
    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert "Idempotency-Replayed" not in theirs.headers
    assert theirs.json()["id"] != mine.json()["id"] == again.json()["id"]


async def test_a_cursor_is_its_callers_own_and_whole(attacker: Attacker) -> None:
    for _ in range(2):
        await attacker.person.post("/api/v1/customers", {"name": "乙"})
    page = await attacker.person.get("/api/v1/customers", limit="1", name="乙")
    cursor = page.json()["next"]
    assert cursor
    middle = len(cursor) // 2
    bent = cursor[:middle] + ("A" if cursor[middle] != "A" else "B") + cursor[middle + 1 :]
    assert (await attacker.person.get("/api/v1/customers", limit="1", name="乙", cursor=cursor)).status_code == 200
    tries: list[tuple[Person, dict[str, str]]] = [
        (attacker.person, {"name": "乙", "cursor": bent}),
        (attacker.person, {"name": "丙", "cursor": cursor}),
        (attacker.other, {"name": "乙", "cursor": cursor}),
    ]
    for person, query in tries:
        answer = await person.get("/api/v1/customers", limit="1", **query)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cursor")


async def test_what_is_not_asked_for_is_not_taken(attacker: Attacker) -> None:
    body = {
        "name": "丁",
        "status": "active",
        "id": str(uuid.uuid4()),
        "version": 9,
        "registered_at": "2020-01-01T00:00:00Z",
    }
    answer = await attacker.person.post("/api/v1/customers", body)
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == body.keys() - {"name"}


def _taken() -> list[tuple[str, dict[str, Any]]]:
    told = document()
    found = []
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                name = content["schema"]["$ref"].rpartition("/")[2]
                found.append((f"{method} {path}", told["components"]["schemas"][name]))
    return found


def test_no_body_takes_a_property_that_it_does_not_name() -> None:
    bodies = _taken()
    assert len(bodies) > 20
    assert [name for name, schema in bodies if schema.get("additionalProperties") is not False] == []
