"""Real servers for the tests: one PostgreSQL and one Kafka a run, databases made as the stack makes them."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from pydantic import SecretStr

from guanxi.cluster.connection import Cluster
from guanxi.cluster.topics import apply_topics
from guanxi.local.issuer import LocalIssuer
from guanxi.local.kafka import LocalKafka
from guanxi.local.kafka_answer import cluster_that_answers
from guanxi.local.postgres import LocalPostgres
from guanxi.local.secrets import Secrets
from libs.common.settings import Issuer, Mode, Settings
from tests.ports import free_port

# A machine that is busy with other things is no fault of what is tested.
settings.register_profile("at any pace", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("at any pace")

ROOT = Path(__file__).resolve().parents[1]
JARS = ROOT / ".local" / "cache"
APPS = (
    "customer",
    "manager",
    "marketing",
    "complaints",
    "scoring",
    "gateway",
    "probe",
    "rotation",
    "webhooks",
    "viewed",
)
MATRIX = (
    "matrix_customer",
    "matrix_manager",
    "matrix_marketing",
    "matrix_complaints",
    "matrix_scoring",
    "matrix_gateway",
)
"""Databases of the scope matrix, which nobody else may write to; made when it is run."""


LONGEST = (
    "tests/security/",
    "tests/cluster/",
    "tests/e2e/test_berka",
    "tests/e2e/test_demo",
    "tests/e2e/test_make_run",
    "tests/e2e/test_gateway_under_faults",
    "tests/e2e/test_recovery",
    "tests/guanxi/test_cli",
)
"""Files that take minutes: they begin first, so that none of them is the last one at work."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@dataclass(frozen=True)
class GivenKafka:
    """A cluster that is there already, by BROKER=host:port. Nothing falls back to another."""

    bootstrap: str

    async def start(self) -> None:
        host, _, port = self.bootstrap.partition(":")
        if not port.isdecimal() or await cluster_that_answers(host, int(port)) is None:
            pytest.exit(f"BROKER={self.bootstrap}: no Kafka answers there; name one as host:port, or unset it.", 69)

    async def stop(self) -> None:
        """It is not ours to stop."""


@dataclass(frozen=True)
class Ground:
    """The servers, and how an app finds them."""

    home: Path
    postgres_port: int
    postgres: LocalPostgres
    kafka: LocalKafka | GivenKafka
    secrets: Secrets
    issuer: LocalIssuer
    migrated: set[str] = field(default_factory=set)

    def url(self, app: str, role: str) -> str:
        password = self.secrets.password(app, role)
        return f"postgresql://{app}_{role}:{password}@127.0.0.1:{self.postgres_port}/{app}"

    def settings(self, app: str, kind: type[Settings] = Settings, **changed: object) -> Settings:
        values: dict[str, object] = {
            "service": app,
            "mode": Mode.DEVELOPMENT,
            "database_url": SecretStr(self.url(app, "app")),
            "kafka": self.kafka.bootstrap,
            "issuers": [Issuer(**issuer) for issuer in self.issuer.setting()],
            "keyring": self.secrets.keyring(app),
            "shared_keyring": self.secrets.keyring("shared"),
            **changed,
        }
        return kind.model_validate(values)

    async def migrate(self, app: str, package: str) -> None:
        """Once a run: it takes seconds, and dozens of tests need the same database."""
        if app in self.migrated:
            return
        env = {"GUANXI_OWNER_DATABASE_URL": self.url(app, "owner"), "PATH": os.environ["PATH"]}
        argv = [sys.executable, "-m", "libs.common.migrations", package]
        process = await asyncio.create_subprocess_exec(*argv, env=env, cwd=ROOT)
        assert await process.wait() == 0
        self.migrated.add(app)


def _kafka(home: Path) -> LocalKafka | GivenKafka:
    if given := os.environ.get("BROKER"):
        return GivenKafka(given)
    return LocalKafka(home / "kafka", port=free_port(), controller_port=free_port(), cache=JARS)


@pytest.fixture(scope="session")
async def ground(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    home = tmp_path_factory.mktemp("ground")
    secrets, issuer = Secrets(home / "keys", (*APPS, *MATRIX)), LocalIssuer(home / "keys")
    secrets.ensure()
    issuer.ensure()
    postgres_port = free_port()
    postgres = LocalPostgres(home / "postgres", port=postgres_port)
    kafka = _kafka(home)
    try:
        await asyncio.gather(postgres.start(), kafka.start())
        for app in APPS:
            await postgres.ensure_database(app, secrets.password(app, "owner"), secrets.password(app, "app"))
        await apply_topics(Cluster(kafka=kafka.bootstrap), partitions=2, replication=1)
        yield Ground(home, postgres_port, postgres, kafka, secrets, issuer)
    finally:
        await asyncio.gather(kafka.stop(), postgres.stop(), return_exceptions=True)
