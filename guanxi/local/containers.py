"""BROKER=testcontainers, POSTGRES=testcontainers: servers in containers, where an engine answers."""

import asyncio
import os
import secrets
from typing import Any

from guanxi.local.failures import LocalFailure
from guanxi.local.given import GivenKafka, GivenPostgres
from guanxi.local.postgres_settings import SUPERUSER

NO_ENGINE = os.EX_NOHOST
"""The exit status where no container engine answers."""

NOBODY = "No container engine answers, and =testcontainers needs one: start it, or leave that out."
API = "1.41"
KAFKA, POSTGRES = "apache/kafka:4.1.1", "postgres:18"
KAFKA_PORT, POSTGRES_PORT = 9092, 5432


def require_engine() -> None:
    """Raises LocalFailure where none answers."""
    import docker  # noqa: PLC0415 - only where it is wanted

    # Without a version it asks for one at once, and leaks where nobody answers.
    client = docker.from_env(version=API, timeout=5)
    try:
        client.ping()
    except (docker.errors.DockerException, OSError):
        raise LocalFailure(NOBODY, NO_ENGINE) from None
    finally:
        client.close()


class Container:
    """One that ends with the stack, and its data with it."""

    _container: Any = None

    async def _begin(self) -> None:
        require_engine()
        self._container = await asyncio.to_thread(self._run)

    async def stop(self) -> None:
        if self._container is not None:
            await asyncio.to_thread(self._container.stop)

    def _run(self) -> Any:
        """Start it."""
        raise NotImplementedError


class ContainerKafka(Container, GivenKafka):
    """Apache Kafka's own image, one node that is broker and controller."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"{host}:{port}")
        self._port = port

    async def start(self, _progress: object = None) -> None:
        await self._begin()
        async with asyncio.timeout(120):
            while True:
                try:
                    await super().start()
                except LocalFailure:
                    await asyncio.sleep(0.5)
                else:
                    return

    def _run(self) -> Any:
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - only where it is wanted

        settings = {
            "NODE_ID": "1",
            "PROCESS_ROLES": "broker,controller",
            "LISTENERS": f"PLAINTEXT://:{KAFKA_PORT},CONTROLLER://:9093",
            "ADVERTISED_LISTENERS": f"PLAINTEXT://{self.bootstrap}",
            "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "AUTO_CREATE_TOPICS_ENABLE": "false",
        }
        container = DockerContainer(KAFKA).with_bind_ports(KAFKA_PORT, self._port)
        for name, value in settings.items():
            container = container.with_env(f"KAFKA_{name}", value)
        return container.start()


class ContainerPostgres(Container, GivenPostgres):
    def __init__(self, host: str, port: int) -> None:
        self._port, self._password = port, secrets.token_urlsafe(24)
        super().__init__(f"postgresql://{SUPERUSER}:{self._password}@{host}:{port}/postgres")

    async def start(self) -> None:
        await self._begin()
        await super().start()

    def _run(self) -> Any:
        from testcontainers.postgres import PostgresContainer  # noqa: PLC0415 - only where it is wanted

        container = PostgresContainer(POSTGRES, username=SUPERUSER, password=self._password)
        return container.with_bind_ports(POSTGRES_PORT, self._port).start()
