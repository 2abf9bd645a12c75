"""Nobody looks, asks or changes without an entry; nothing goes out before it is durable."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from prometheus_client import REGISTRY

from libs.common.audit import GENESIS, link
from libs.common.clients import client_credential
from tests.conftest import Ground
from tests.libs.common.probe import Probe


@pytest.fixture
async def owner(ground: Ground, probe: Probe) -> AsyncIterator[asyncpg.Connection]:  # noqa: ARG001 - it made the tables
    connection = await asyncpg.connect(ground.url("probe", "owner"))
    yield connection
    await connection.close()


async def entries(owner: asyncpg.Connection, trace: str) -> list[dict[str, Any]]:
    """What one request left."""
    rows = await owner.fetch("SELECT content FROM audit_entries ORDER BY chain, sequence")
    return [entry for row in rows if (entry := json.loads(row["content"]))["trace_id"] == trace]


async def created(client: httpx.AsyncClient, name: str | None = None) -> httpx.Response:
    body = {"name": name or f"t {uuid4()}"}
    return await client.post("/api/v1/things", json=body, headers={"Idempotency-Key": str(uuid4())})


async def test_a_read_says_who_whom_why_and_from_where(client: httpx.AsyncClient, owner: asyncpg.Connection) -> None:
    thing = (await created(client)).json()["id"]
    read = await client.get(f"/api/v1/things/{thing}", headers={"Guanxi-Reason": "review of the quarter"})
    (entry,) = await entries(owner, read.headers["Guanxi-Trace"])
    assert entry["service"] == "probe"
    assert entry["actor"] == "tester"
    assert (entry["permission"], entry["method"], entry["route"]) == ("things:read", "GET", "/api/v1/things/{thing_id}")
    assert (entry["thing_ids"], entry["status"]) == ([thing], 200)
    assert (entry["reason"], entry["origin"]) == ("review of the quarter", "127.0.0.1")


async def test_an_app_of_ours_says_where_it_was_asked_from_and_nobody_else(
    probe: Probe, client: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    chassis = probe.app.chassis
    for ring, origin in ((chassis.shared_keyring, "203.0.113.7"), (chassis.keyring, "127.0.0.1")):
        credential = client_credential(ring, "gateway", "203.0.113.7", chassis.clock)
        read = await client.get("/api/v1/things", headers={"Guanxi-Client": credential})
        (entry,) = await entries(owner, read.headers["Guanxi-Trace"])
        assert entry["origin"] == origin


async def test_a_list_is_one_entry_and_its_terms_are_blind(
    client: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    name = f"张伟 {uuid4()}"
    thing = (await created(client, name)).json()["id"]
    found = await client.get("/api/v1/things", params={"name": name, "limit": "5"})
    (entry,) = await entries(owner, found.headers["Guanxi-Trace"])
    assert entry["thing_ids"] == [thing]
    assert [term.partition("=")[0] for term in entry["terms"]] == ["name"]
    assert name not in json.dumps(entry, ensure_ascii=False)
    again = await client.get("/api/v1/things", params={"name": name})
    assert (await entries(owner, again.headers["Guanxi-Trace"]))[0]["terms"] == entry["terms"]


async def test_who_is_denied_leaves_an_entry_too(
    ground: Ground, probe: Probe, client: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    hidden = str(uuid4())
    missing = await client.get(f"/api/v1/things/{hidden}")
    async with probe.client(ground.issuer.token("reader", ["things:read"])) as reader:
        forbidden = await created(reader)
    for answer, status, things in ((missing, 404, [hidden]), (forbidden, 403, [])):
        (entry,) = await entries(owner, answer.headers["Guanxi-Trace"])
        assert (entry["status"], entry["thing_ids"]) == (status, things)


async def test_who_is_unknown_is_counted_and_leaves_no_row(probe: Probe, owner: asyncpg.Connection) -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("guanxi_http_denied_total", {"status": "401"}) or 0.0

    before = counted()
    async with probe.client("nonsense") as stranger:
        answer = await stranger.get("/api/v1/things")
    assert counted() == before + 1
    assert await entries(owner, answer.headers["Guanxi-Trace"]) == []


async def test_a_change_is_written_before_it_is_committed_and_again_where_that_fails(
    client: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    name = f"t {uuid4()}"
    made = await created(client, name)
    refused = await created(client, name)
    assert [e["status"] for e in await entries(owner, made.headers["Guanxi-Trace"])] == [201]
    meant, ended = await entries(owner, refused.headers["Guanxi-Trace"])
    assert (meant["status"], ended["status"], ended["follows"]) == (201, 409, meant["id"])


async def test_many_at_once_make_one_chain_in_fewer_commits(
    client: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    await asyncio.gather(*[client.get("/api/v1/things", params={"limit": "1"}) for _ in range(40)])
    chain = await owner.fetchval("SELECT chain FROM audit_chains ORDER BY chain DESC LIMIT 1")
    rows = await owner.fetch("SELECT * FROM audit_entries WHERE chain = $1 ORDER BY sequence", chain)
    head = GENESIS
    for place, row in enumerate(rows, 1):
        head = link(head, chain, place, row["content"].encode())
        assert (row["sequence"], row["hash"]) == (place, head)
    heads = await owner.fetch("SELECT sequence, hash FROM audit_heads WHERE chain = $1 ORDER BY sequence", chain)
    assert (heads[-1]["sequence"], heads[-1]["hash"]) == (len(rows), head)
    assert len(heads) < len(rows)


async def test_what_cannot_be_written_is_not_answered_and_changes_nothing(
    client: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    name = f"t {uuid4()}"
    await owner.execute("REVOKE INSERT ON audit_entries FROM probe_app")
    try:
        for answer in (await client.get("/api/v1/things"), await created(client, name)):
            assert answer.status_code == 503
            assert answer.headers["Retry-After"]
            assert set(answer.json()) == {"type", "title", "status", "detail", "trace_id"}
    finally:
        await owner.execute("GRANT INSERT ON audit_entries TO probe_app")
    assert await owner.fetchval("SELECT count(*) FROM things WHERE name = $1", name) == 0
    assert (await created(client, name)).status_code == 201


@pytest.mark.parametrize("table", ["audit_entries", "audit_heads"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET hash = hash", "DELETE FROM {}", "TRUNCATE {}"])
async def test_whoever_writes_the_trail_only_adds_to_it(
    ground: Ground, owner: asyncpg.Connection, table: str, statement: str
) -> None:
    assert owner
    app = await asyncpg.connect(ground.url("probe", "app"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(statement.format(table))
    await app.close()


@pytest.mark.parametrize("reason", ["asks about 6222021234561234", "x" * 201])
async def test_a_reason_is_short_and_holds_no_number(client: httpx.AsyncClient, reason: str) -> None:
    refused = await client.get("/api/v1/things", headers={"Guanxi-Reason": reason})
    assert refused.status_code == 400
    assert "Guanxi-Reason" in refused.json()["detail"]


async def test_ids_in_an_entry_are_ids(client: httpx.AsyncClient, owner: asyncpg.Connection) -> None:
    answer = await client.get("/api/v1/things/no-id")
    assert answer.status_code == 422
    (entry,) = await entries(owner, answer.headers["Guanxi-Trace"])
    assert entry["thing_ids"] == []
    assert UUID(entry["id"])


async def test_a_made_up_filter_and_a_chinese_reason(client: httpx.AsyncClient, owner: asyncpg.Connection) -> None:
    headers = {"Guanxi-Reason": "季度检查".encode()}
    answer = await client.get("/api/v1/things?6222021234561234=x", headers=headers)
    (entry,) = await entries(owner, answer.headers["Guanxi-Trace"])
    assert entry["reason"] == "季度检查"
    assert [term.partition("=")[0] for term in entry["terms"]] == ["unknown"]
    assert "6222021234561234" not in json.dumps(entry)


@pytest.mark.parametrize("blank", ["\u3000", "\t", "\u2013", " - "])
async def test_a_filter_of_blanks_is_no_error(client: httpx.AsyncClient, owner: asyncpg.Connection, blank: str) -> None:
    answer = await client.get("/api/v1/things", params={"name": blank})
    assert answer.status_code == 200
    (entry,) = await entries(owner, answer.headers["Guanxi-Trace"])
    assert entry["terms"] == ["name=empty"]


async def test_padding_hides_no_filter(client: httpx.AsyncClient, owner: asyncpg.Connection) -> None:
    answer = await client.get("/api/v1/things?" + "&".join(f"a{n}=" for n in range(20)) + "&name=x")
    assert answer.status_code == 400
    assert len(await entries(owner, answer.headers["Guanxi-Trace"])) == 1
