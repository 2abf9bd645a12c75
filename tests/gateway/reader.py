"""A gateway with one teller, a customer of the teller's branch, and one of another."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from gateway import main as gateway
from gateway.settings import GatewaySettings
from guanxi.local.issuer import ISSUER
from libs.common.app import App
from libs.contracts.catalogue import REFERENCES
from tests.conftest import Ground


@dataclass
class Reader:
    """A teller of one branch, a customer of that branch, and one of another."""

    app: App
    login: UUID
    client: httpx.AsyncClient
    owner: asyncpg.Connection
    ground: Ground
    near: UUID
    far: UUID

    async def get(self, customer_id: object, *, query: str = "", **headers: str) -> httpx.Response:
        return await self.client.get(f"/api/v1/customers/{customer_id}/360{query}", headers=headers)

    async def entries(self, answer: httpx.Response) -> list[dict[str, Any]]:
        """What one request left, in its order."""
        rows = await self.owner.fetch("SELECT content FROM audit_entries ORDER BY written_at, chain, sequence")
        told = [json.loads(row["content"]) for row in rows]
        return [entry for entry in told if entry["trace_id"] == answer.headers["Guanxi-Trace"]]


@asynccontextmanager
async def reader_of(ground: Ground, **changed: object) -> AsyncIterator[Reader]:
    await ground.migrate("viewed", "gateway")
    settings = ground.settings("viewed", GatewaySettings, upstreams={}, **changed)
    assert isinstance(settings, GatewaySettings)
    app, owner = gateway.app(settings), await asyncpg.connect(ground.url("viewed", "owner"))
    branch, elsewhere, near, far, login = (uuid4() for _ in range(5))
    await owner.execute(
        "INSERT INTO directory.staff (staff_id, version, changed_at, unit_ids, roles, logins, active)"
        " VALUES ($1, 1, now(), $2, '{teller}', $3, true)",
        uuid4(),
        [branch],
        [f"{ISSUER} {login}"],
    )
    await owner.executemany(
        "INSERT INTO directory.customers"
        " (customer_id, version, changed_at, status, kind, home_unit_id, canonical_id, logins)"
        " VALUES ($1, 1, now(), 'active', 'person', $2, $1, $3)",
        [(near, branch, [f"{ISSUER} {near}"]), (far, elsewhere, [])],
    )
    await owner.executemany(
        "INSERT INTO directory.watermarks VALUES ($1, 0, now())"
        " ON CONFLICT (topic, partition) DO UPDATE SET as_of = excluded.as_of",
        [(topic.name,) for topic in REFERENCES],
    )
    headers = {"Authorization": f"Bearer {ground.issuer.token(str(login), ['teller'])}"}
    transport = httpx.ASGITransport(app.public)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
        yield Reader(app, login, client, owner, ground, near, far)
    await app.close()
    await owner.close()
