"""The whole system on one machine: servers, secrets, migrations, topics, then every app under a supervisor."""

import asyncio
import json
import ssl
import sys
from collections.abc import Callable
from functools import partial

import aiohttp
from rich.console import Console

from guanxi.cluster.connection import Cluster
from guanxi.cluster.topics import apply_topics
from guanxi.local.given import GivenKafka, GivenPostgres
from guanxi.local.issuer import ADMIN, ISSUER, LocalIssuer
from guanxi.local.ports import listens, parts_of, require_free_port
from guanxi.local.postgres_databases import migrate
from guanxi.local.processes import Supervisor
from guanxi.local.program import Program
from guanxi.local.secrets import Secrets
from guanxi.local.servers import kafka_of, postgres_of
from guanxi.local.settings import APPS, LocalSettings, package_of
from guanxi.local.shape import tell_processes

PARTITIONS = 2
"""As many as workers of one app are ever run here: every one of them costs each app a record a second."""
SERVICES = tuple(app for app in APPS if app != "gateway")

Say = Callable[[str], None]


class Stack:
    """Everything that `guanxi up` runs.

    With `replicas`, each app is split as in a cluster: so many workers, and as many processes that serve on the same
    ports.
    """

    def __init__(self, settings: LocalSettings, console: Console, *, replicas: int = 0) -> None:
        self.settings, self.console, self._replicas = settings, console, replicas
        keys = settings.home / "keys"
        self.secrets, self.issuer = Secrets(keys, APPS), LocalIssuer(keys)
        self.postgres, self.kafka = postgres_of(settings), kafka_of(settings)
        self.supervisor: Supervisor | None = None
        self.trust: ssl.SSLContext | bool = True

    async def start(self) -> None:
        """Servers first, in parallel; then databases and topics; then services; the gateway last."""
        self.settings.home.mkdir(parents=True, exist_ok=True)
        await self._require_free_ports()
        self.secrets.ensure()
        self.issuer.ensure()
        await self._start_servers()
        await asyncio.gather(self._databases(), self.make_topics())
        programs = {app: self._programs(app) for app in APPS}
        tell_processes(self.settings, {app: [program.name for program in made] for app, made in programs.items()})
        stages = [[program for service in SERVICES for program in programs[service]], programs["gateway"]]
        self.supervisor = Supervisor(stages, self.console, self.settings.home / "logs")
        await self.supervisor.start()

    async def _start_servers(self) -> None:
        """One that is named first: nothing is fetched or started beside a server that does not answer."""
        postgres, kafka = self.postgres, self.kafka
        if isinstance(kafka, GivenKafka):
            await kafka.start()
        if isinstance(postgres, GivenPostgres):
            await postgres.start()
        starts = [] if isinstance(postgres, GivenPostgres) else [postgres.start()]
        starts += [] if isinstance(kafka, GivenKafka) else [kafka.start(self._say)]
        await asyncio.gather(*starts)

    async def stop(self) -> None:
        """Apps first, so that they finish what is under way; then the servers."""
        if self.supervisor is not None:
            await self.supervisor.stop()
        await asyncio.gather(self.kafka.stop(), self.postgres.stop(), return_exceptions=True)

    async def _require_free_ports(self) -> None:
        """Before anything starts: an app that cannot listen would only be started again and again."""
        for app in APPS:
            first, own = self.settings.port(app), max(1, 2 * self._replicas)
            for port in range(first, first + 2 + own):
                await require_free_port(f"the {app} app", self.settings.host, port, "GUANXI_BASE_PORT")

    async def migrate(self) -> None:
        """Bring every database up to date, over a server that runs or one that is started for the time."""
        if await listens(*parts_of(self.postgres.place)):
            await self._migrate()
            return
        self.secrets.ensure()
        try:
            await self.postgres.start()
            await self._databases()
        finally:
            await self.postgres.stop()

    def _say(self, sentence: str) -> None:
        self.console.print(f"[dim]{sentence}[/dim]")

    async def _databases(self) -> None:
        for app in APPS:
            await self.postgres.ensure_database(
                app, self.secrets.password(app, "owner"), self.secrets.password(app, "app")
            )
        await self._migrate()

    async def _migrate(self) -> None:
        await migrate({package_of(app): self.database_url(app, "owner") for app in APPS})

    async def make_topics(self) -> None:
        for line in await apply_topics(self.cluster(), partitions=PARTITIONS, replication=1):
            self._say(line)

    def cluster(self) -> Cluster:
        return Cluster(kafka=self.kafka.bootstrap)

    def pids(self) -> dict[str, int]:
        """Process id of each program that runs at this moment."""
        return {} if self.supervisor is None else self.supervisor.pids()

    def database_url(self, app: str, role: str) -> str:
        return self.postgres.address_of(app, f"{app}_{role}", self.secrets.password(app, role))

    def environment(self, app: str) -> dict[str, str]:
        """Everything that one app's settings read."""
        settings = self.settings
        port = settings.port(app)
        env = {
            "GUANXI_MODE": "development",
            "GUANXI_HOST": settings.host,
            "GUANXI_PUBLIC_PORT": str(port),
            "GUANXI_INTERNAL_PORT": str(port + 1),
            "GUANXI_MANAGEMENT_PORT": str(port + 2),
            "GUANXI_DATABASE_URL": self.database_url(app, "app"),
            "GUANXI_KAFKA": self.kafka.bootstrap,
            "GUANXI_ISSUERS": json.dumps(self.issuer.setting()),
            "GUANXI_KEYRING": str(self.secrets.keyring(app)),
            "GUANXI_SHARED_KEYRING": str(self.secrets.keyring("shared")),
            "GUANXI_AUTHZ_MAX_AGE": str(settings.authz_max_age),
            "GUANXI_CALLER_MAX_AGE": str(settings.caller_max_age),
        }
        if settings.otlp_endpoint is not None:
            env |= {"GUANXI_OTLP_ENDPOINT": settings.otlp_endpoint, "GUANXI_TRACE_SHARE": str(settings.trace_share)}
        if app == "manager":
            env["GUANXI_FIRST_ADMIN"] = f"{ISSUER} {ADMIN}"
        if app == "gateway":
            upstreams = {
                service: {
                    "public": settings.address(service),
                    "internal": settings.address(service, 1),
                    "management": settings.address(service, 2),
                }
                for service in SERVICES
            }
            env["GUANXI_UPSTREAMS"] = json.dumps(upstreams)
            env["GUANXI_LIMITS"] = json.dumps(settings.limits)
            env["GUANXI_MOST_STREAMS_OF_ONE"] = str(settings.most_streams_of_one)
            env["GUANXI_WEBHOOK_NETWORKS"] = json.dumps(settings.webhook_networks)
        return env

    def _programs(self, app: str) -> list[Program]:
        if not self._replicas:
            return [self._program(app, app, 0)]
        numbers = range(self._replicas)
        apps = [self._program(f"{app}-app-{n + 1}", app, n, "--no-worker") for n in numbers]
        return apps + [self._program(f"{app}-worker-{n + 1}", app, self._replicas + n, "--no-app") for n in numbers]

    def _program(self, name: str, app: str, process: int, *options: str) -> Program:
        """Each process of an app has a management port of its own; what it serves, it serves with the others."""
        argv = [sys.executable, "-m", "libs.common.serve", package_of(app), *options]
        own = {"GUANXI_MANAGEMENT_PORT": str(self.settings.port(app) + 2 + process)}
        env = {**self.environment(app), **own, "GUANXI_SHARED_PORTS": str(self._replicas > 1)}
        return Program(name, argv, env, partial(self._is_ready, app, process))

    async def _is_ready(self, app: str, process: int) -> bool:
        url = f"{self.settings.address(app, 2 + process)}/health/ready"
        try:
            async with aiohttp.ClientSession() as session, session.get(url, ssl=self.trust) as answer:
                return answer.ok
        except aiohttp.ClientError:
            return False
