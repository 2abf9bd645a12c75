"""A PostgreSQL with a filled view, and programs beside each other: what is measured, and its floors."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import aiohttp
import asyncpg
from aiohttp import web

from bench.floors import Bare
from guanxi.cluster.connection import Cluster
from guanxi.cluster.topics import apply_topics
from guanxi.local.issuer import ISSUER, LocalIssuer
from guanxi.local.kafka import LocalKafka
from guanxi.local.ports import listens
from guanxi.local.postgres import LocalPostgres
from guanxi.local.postgres_databases import migrate
from guanxi.local.secrets import Secrets
from guanxi.local.settings import package_of
from guanxi.local.stack import PARTITIONS
from libs.common.database import new_engine
from libs.common.settings import Issuer, Mode, Settings
from libs.contracts.catalogue import REFERENCES, SECTIONS
from libs.directory.permissions import PERMISSIONS

ROOT = Path(__file__).resolve().parents[1]
APPS = ("gateway", "customer", "manager", "marketing", "complaints", "scoring")
CUSTOMERS = 2000
DOCUMENT_BYTES = 5600
"""Of all sections of a customer together, and of the floor's row."""
SERVED_ON, REST_ON = {0}, {1}
"""Processor cores: the server measured has one, PostgreSQL and the load share the other."""


@dataclass(frozen=True)
class Ground:
    home: Path
    postgres: LocalPostgres
    postgres_port: int
    kafka: LocalKafka
    collector: str
    """Where one request in a hundred is told in spans, as in production: somebody takes them, and forgets them."""
    secrets: Secrets
    issuer: LocalIssuer
    first_port: int
    stack: AsyncExitStack
    customers: list[UUID]

    def url(self, app: str, role: str) -> str:
        password = self.secrets.password(app, role)
        return f"postgresql://{app}_{role}:{password}@127.0.0.1:{self.postgres_port}/{app}"

    def token(self, role: str = "compliance") -> str:
        return self.issuer.token(f"bench-{role}", [role])

    async def serve(
        self, app: str, place: int, settings: Mapping[str, str] | None = None, *, works: bool = False
    ) -> tuple[int, Process]:
        """An app of ours, with its worker where it `works`; returns its public port."""
        port = self.first_port + 10 * place
        env = {
            "GUANXI_MODE": "development",
            "GUANXI_PUBLIC_PORT": str(port),
            "GUANXI_INTERNAL_PORT": str(port + 1),
            "GUANXI_MANAGEMENT_PORT": str(port + 2),
            "GUANXI_DATABASE_URL": self.url(app, "app"),
            "GUANXI_ISSUERS": json.dumps(self.issuer.setting()),
            "GUANXI_KEYRING": str(self.secrets.keyring(app)),
            "GUANXI_SHARED_KEYRING": str(self.secrets.keyring("shared")),
            "GUANXI_KAFKA": self.kafka.bootstrap,
            "GUANXI_OTLP_ENDPOINT": self.collector,
            **(settings or {}),
        }
        without = [] if works else ["--no-worker"]
        return port, await self._run(port, env, "-m", "libs.common.serve", package_of(app), *without)

    def settings(self, app: str) -> Settings:
        """Of an app, for what is measured in this process."""
        told = {
            "service": app,
            "mode": Mode.DEVELOPMENT,
            "database_url": self.url(app, "app"),
            "kafka": self.kafka.bootstrap,
            "issuers": [Issuer(**issuer) for issuer in self.issuer.setting()],
            "keyring": self.secrets.keyring(app),
            "shared_keyring": self.secrets.keyring("shared"),
        }
        return Settings.model_validate(told)

    async def floor(self, kind: str, place: int, address: str) -> tuple[int, Process]:
        port = self.first_port + 10 * place
        return port, await self._run(port, {}, "-m", "bench.floors", kind, str(port), address)

    async def _run(self, port: int, env: Mapping[str, str], *argv: str) -> Process:
        path = {"PATH": os.environ["PATH"]}
        process = await asyncio.create_subprocess_exec(
            sys.executable, *argv, env={**path, **env}, cwd=ROOT, stdin=DEVNULL, stdout=DEVNULL
        )
        self.stack.push_async_callback(stop, process)
        async with asyncio.timeout(30):
            while not await listens("127.0.0.1", port):  # noqa: ASYNC110 - over the network
                await asyncio.sleep(0.05)
        os.sched_setaffinity(process.pid, SERVED_ON)
        return process


@asynccontextmanager
async def forgetting() -> AsyncIterator[str]:
    """A collector of spans; its address."""

    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def stop(process: Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        await process.wait()


@asynccontextmanager
async def prepared(home: Path, first_port: int) -> AsyncIterator[Ground]:
    secrets, issuer = Secrets(home / "keys", APPS), LocalIssuer(home / "keys")
    secrets.ensure()
    issuer.ensure()
    os.sched_setaffinity(0, REST_ON)
    postgres = LocalPostgres(home / "postgres", port=first_port + 9)
    jars, ports = ROOT / ".local" / "cache", (first_port + 8, first_port + 7)
    kafka = LocalKafka(home / "kafka", port=ports[0], controller_port=ports[1], cache=jars)
    async with AsyncExitStack() as stack:
        for server in (postgres, kafka):
            await server.start()
            stack.push_async_callback(server.stop)
        await apply_topics(Cluster(kafka=kafka.bootstrap), partitions=PARTITIONS, replication=1)
        collector = await stack.enter_async_context(forgetting())
        for app in APPS:
            await postgres.ensure_database(app, secrets.password(app, "owner"), secrets.password(app, "app"))
        customers = [uuid4() for _ in range(CUSTOMERS)]
        servers = (postgres, first_port + 9, kafka, collector)
        ground = Ground(home, *servers, secrets, issuer, first_port, stack, customers)
        await migrate({package_of(app): ground.url(app, "owner") for app in APPS})
        await _fill(ground)
        yield ground


async def _fill(ground: Ground) -> None:
    for app in APPS:
        connection = await asyncpg.connect(ground.url(app, "owner"))
        await _directory(connection, ground)
        if app == "gateway":
            await _view(connection, ground.url(app, "owner"), ground.customers)
        await connection.execute("VACUUM ANALYZE")
        await connection.close()


async def _directory(connection: asyncpg.Connection, ground: Ground) -> None:
    unit = ground.customers[0]  # any id will do, the same in every app
    await connection.execute(
        "INSERT INTO directory.org_units (org_unit_id, version, changed_at, code, name, kind, path)"
        " VALUES ($1, 1, now(), 'b', 'b', 'branch', $2)",
        unit, f"/{unit}/",
    )  # fmt: skip
    await connection.executemany(
        "INSERT INTO directory.staff (staff_id, version, changed_at, unit_ids, roles, logins, active)"
        " VALUES ($1, 1, now(), $2, $3, $4, true)",
        [(uuid4(), [unit], [role], [f"{ISSUER} bench-{role}"]) for role in PERMISSIONS],
    )
    await connection.executemany(
        "INSERT INTO directory.customers (customer_id, version, changed_at, status, kind, home_unit_id, canonical_id)"
        " VALUES ($1, 1, now(), 'active', 'person', $2, $1)",
        [(customer_id, unit) for customer_id in ground.customers],
    )
    await keep_fresh(connection)


async def keep_fresh(connection: asyncpg.Connection) -> None:
    """Watermarks far ahead: no worker runs here that would tell them."""
    ahead = datetime.now(UTC).replace(year=2100)
    rows = [(topic.name, partition, ahead) for topic in REFERENCES for partition in range(PARTITIONS)]
    await connection.executemany("INSERT INTO directory.watermarks VALUES ($1, $2, $3)", rows)


async def _view(connection: asyncpg.Connection, owner: str, customers: list[UUID]) -> None:
    document = json.dumps({"name": "张伟", "holdings": "x" * (DOCUMENT_BYTES // len(SECTIONS))}, ensure_ascii=False)
    rows = [(id_, section, document, document) for id_ in customers for section in SECTIONS]
    await connection.executemany("INSERT INTO view.sections VALUES ($1, $2, 1, now(), $3, $4)", rows)
    ahead = datetime.now(UTC).replace(year=2100)
    marks = [(topic.name, ahead) for topic, _ in SECTIONS.values()]
    await connection.executemany("INSERT INTO view.watermarks VALUES ($1, 0, $2)", marks)
    await connection.execute("CREATE SCHEMA bench; CREATE TABLE bench.rows (id uuid PRIMARY KEY, content jsonb)")
    whole = json.dumps(dict.fromkeys(SECTIONS, json.loads(document)), ensure_ascii=False)
    await connection.executemany("INSERT INTO bench.rows VALUES ($1, $2)", [(id_, whole) for id_ in customers])
    async with new_engine(owner).begin() as engine:
        await engine.run_sync(Bare.metadata.create_all)
    await connection.execute(
        "GRANT USAGE ON SCHEMA bench TO gateway_app; GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA bench TO gateway_app;"
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA bench TO gateway_app"
    )


async def answers(url: str, headers: dict[str, str]) -> bytes:
    """One request, to see that what is measured is answered at all."""
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        body = await answer.read()
        if not answer.ok:
            raise RuntimeError(f"{url}: {answer.status} {body[:300].decode(errors='replace')}")
        return body
