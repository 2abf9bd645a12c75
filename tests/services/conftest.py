"""Each service against its own migrated database, with a directory that the test fills."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from guanxi.local.issuer import ISSUER
from libs.common.app import App
from libs.common.settings import Settings
from libs.contracts.catalogue import REFERENCES
from services.complaints import main as complaints
from services.customer import main as customer
from services.manager import main as manager
from services.marketing import main as marketing
from services.scoring import main as scoring
from tests.conftest import Ground

APPS = {
    "customer": customer.app,
    "manager": manager.app,
    "marketing": marketing.app,
    "complaints": complaints.app,
    "scoring": scoring.app,
}


@dataclass(frozen=True)
class Service:
    """A service's HTTP side in this process, and its database."""

    name: str
    settings: Settings
    app: App
    ground: Ground
    clients: AsyncExitStack

    async def connect(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(self.settings.dsn)
        self.clients.push_async_callback(connection.close)
        return connection

    async def execute(self, statement: str, *values: object) -> None:
        """On a connection of its own, given back at once: the server has a hundred for all tests."""
        connection = await asyncpg.connect(self.settings.dsn)
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()

    def signed_in(self, subject: str, *roles: str, stepped_up: bool = False) -> httpx.AsyncClient:
        token = self.ground.issuer.token(subject, list(roles), stepped_up=stepped_up)
        transport = httpx.ASGITransport(self.app.public, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {token}"}
        client = httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers)
        self.clients.push_async_callback(client.aclose)
        return client

    async def send(
        self, person: httpx.AsyncClient, path: str, body: dict[str, Any] | None = None, version: int | None = None
    ) -> httpx.Response:
        """A command under a key of its own."""
        headers = {"Idempotency-Key": str(uuid4())}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return await person.post(f"/api/v1/{path}", json=body, headers=headers)

    async def know_staff(self, subject: str, roles: list[str], units: list[UUID]) -> UUID:
        staff_id = uuid4()
        await self.execute(
            "INSERT INTO directory.staff (staff_id, version, changed_at, unit_ids, roles, logins, active)"
            " VALUES ($1, 1, now(), $2, $3, $4, true)",
            staff_id, units, roles, [f"{ISSUER} {subject}"],
        )  # fmt: skip
        return staff_id

    async def know_unit(self, code: str, parent_path: str = "/") -> UUID:
        unit = uuid4()
        await self.execute(
            "INSERT INTO directory.org_units (org_unit_id, version, changed_at, code, name, kind, path)"
            " VALUES ($1, 1, now(), $2, $2, 'branch', $3)",
            unit, code, f"{parent_path}{unit}/",
        )  # fmt: skip
        return unit

    async def know_customer(self, customer_id: UUID, unit: UUID) -> None:
        await self.execute(
            "INSERT INTO directory.customers (customer_id, version, changed_at, status, kind, home_unit_id, canonical_id)"
            " VALUES ($1, 1, now(), 'active', 'person', $2, $1)",
            customer_id, unit,
        )  # fmt: skip

    async def hear(self, at: datetime | None = None) -> None:
        """Let the directory have been heard from, now or at a time."""
        for topic in REFERENCES:
            await self.execute(
                "INSERT INTO directory.watermarks VALUES ($1, 0, $2)"
                " ON CONFLICT (topic, partition) DO UPDATE SET as_of = excluded.as_of",
                topic.name, at or datetime.now(UTC),
            )  # fmt: skip


Opened = Callable[[str], Awaitable[Service]]


@pytest.fixture(scope="session")
async def service(ground: Ground) -> AsyncIterator[Opened]:
    opened: dict[str, Service] = {}
    async with AsyncExitStack() as clients:

        async def open_service(name: str) -> Service:
            if name not in opened:
                await ground.migrate(name, f"services.{name}")
                settings = ground.settings(name)
                app = APPS[name](settings)
                clients.push_async_callback(app.close)
                opened[name] = Service(name, settings, app, ground, clients)
            await opened[name].hear()
            return opened[name]

        yield open_service
