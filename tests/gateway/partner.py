"""A partner for tests: its endpoint, the gateway's API as it sees it, and the sender of the gateway's worker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from gateway import main as gateway
from gateway.settings import GatewaySettings
from gateway.webhooks.intake import SKEW, spread
from gateway.webhooks.sending import Sender
from gateway.worker import sender as new_sender
from libs.common.app import App
from libs.common.database import Database
from libs.common.ids import new_id
from libs.contracts.catalogue import REFERENCES
from tests.conftest import Ground
from tests.receiver import Receiver, receiving

UPDATED, OPENED = "crm.customer.updated.v1", "crm.account.opened.v1"
BACK_OFF = (0.0, 0.0)


@dataclass
class Partner:
    """One partner, its endpoint, the gateway's API and the sender of its worker."""

    name: str
    app: App
    client: httpx.AsyncClient
    receiver: Receiver
    sender: Sender
    database: asyncpg.Connection

    async def post(self, path: str, body: Any = None, version: int | None = None, key: str = "") -> httpx.Response:
        headers = {"Idempotency-Key": key or str(uuid4())}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return await self.client.post(f"/api/v1/webhooks{path}", json=body, headers=headers)

    async def get(self, path: str = "", **query: str) -> Any:
        answer = await self.client.get(f"/api/v1/webhooks{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def register(self, *types: str) -> dict[str, Any]:
        answer = await self.post("", {"url": self.receiver.url, "types": list(types or (UPDATED, OPENED))})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def secret(self, webhook: dict[str, Any]) -> str:
        return str((await self.get(f"/{webhook['id']}/secrets"))["secrets"][0]["secret"])

    async def customer(self, *, consents: bool = True) -> UUID:
        id_ = new_id()
        await self.database.execute(
            "INSERT INTO directory.customers (customer_id, version, changed_at, status, canonical_id, partner_consents)"
            " VALUES ($1, 1, now(), 'active', $1, $2)",
            id_,
            [self.name] if consents else [],
        )
        return id_

    async def happens(self, customer_id: UUID, sequence: int = 1, type_: str = UPDATED) -> UUID:
        event_id = new_id()
        await self.database.execute(
            "INSERT INTO edge.webhook_events (event_id, type, customer_id, subject, sequence, occurred_at, received_at)"
            " VALUES ($1, $2, $3, $3, $4, clock_timestamp(), clock_timestamp())",
            event_id,
            type_,
            customer_id,
            sequence,
        )
        return event_id

    async def complete(self) -> None:
        """The directory has heard everything up to now, whatever the clocks."""
        await self.database.executemany(
            "INSERT INTO directory.watermarks VALUES ($1, 0, clock_timestamp() + $2)"
            " ON CONFLICT (topic, partition) DO UPDATE SET as_of = excluded.as_of",
            [(topic.name, SKEW) for topic in REFERENCES],
        )

    async def deliver(self, webhook: dict[str, Any], rounds: int = 10) -> None:
        """Everything that is due, tries that follow at once among it."""
        await self.complete()
        while await spread(self.database):
            pass
        for _ in range(rounds):
            for id_ in await self.sender.due(UUID(webhook["id"])):
                await self.sender.send(UUID(webhook["id"]), id_, lambda: None)

    async def log(self, webhook: dict[str, Any], **query: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.get(f"/{webhook['id']}/deliveries", **query))["items"]
        return items


@asynccontextmanager
async def partner_of(ground: Ground, name: str, **changed: Any) -> AsyncIterator[Partner]:
    told = {"upstreams": {}, "webhook_networks": ["127.0.0.0/8"], "webhook_back_off": BACK_OFF, **changed}
    settings = ground.settings("webhooks", GatewaySettings, **told)
    assert isinstance(settings, GatewaySettings)
    app, database = gateway.app(settings), Database(settings.dsn, pool=4)
    sender = new_sender(settings, database)
    connection = await asyncpg.connect(settings.dsn)
    headers = {"Authorization": f"Bearer {ground.issuer.token(name, ['partner'])}"}
    transport = httpx.ASGITransport(app.public)
    try:
        async with (
            receiving() as receiver,
            httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client,
        ):
            partner = Partner(name, app, client, receiver, sender, connection)
            await partner.complete()
            yield partner
    finally:
        await connection.close()
        await sender.trail.close()
        await app.close()
        await database.close()
