"""How an operator reaches a Kafka cluster: `GUANXI_KAFKA…`, as the apps do."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.admin import AdminClient
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from guanxi.local.settings import LocalSettings
from libs.common.settings import SECRETS_FOLDER

SECONDS = 10.0
T = TypeVar("T")


class ClusterAway(Exception):
    """The cluster did not do what it was asked."""


class Cluster(BaseSettings):
    """Where it is, and who asks: `kafka` is host:port of a broker; by default that of the local stack."""

    model_config = SettingsConfigDict(env_prefix="GUANXI_", extra="ignore", secrets_dir=SECRETS_FOLDER)

    kafka: str = Field(default_factory=lambda: LocalSettings().kafka_address)
    kafka_tls: bool = False
    kafka_user: str | None = None
    kafka_password: SecretStr | None = None
    tls_authorities: Path | None = None

    def _settings(self) -> dict[str, Any]:
        security = {
            "security.protocol": f"{'SASL_' if self.kafka_user else ''}{'SSL' if self.kafka_tls else 'PLAINTEXT'}"
        }
        if self.tls_authorities is not None:
            security["ssl.ca.location"] = str(self.tls_authorities)
        if self.kafka_user is not None and self.kafka_password is not None:
            security["sasl.mechanism"] = "SCRAM-SHA-512"
            security["sasl.username"] = self.kafka_user
            security["sasl.password"] = self.kafka_password.get_secret_value()
        # By itself it writes to the terminal; what went wrong comes back as an error.
        return {"bootstrap.servers": self.kafka, "log_level": 0, **security}

    def admin(self) -> AdminClient:
        return AdminClient(self._settings())

    async def ask(self, work: Callable[[AdminClient], T]) -> T:
        """Let `work` use a client of this cluster, in a thread: that client waits.

        Raises:
            ClusterAway: it is not there, lets nobody in, or refuses.
        """
        return await _in_a_thread(lambda: work(self.admin()))

    async def consume(self, work: Callable[[Consumer], T]) -> T:
        """Let `work` read with a consumer of no group of ours; ClusterAway as above."""
        settings = {**self._settings(), "group.id": "guanxi-operator", "enable.auto.commit": False}
        settings["auto.offset.reset"] = "error"  # rather than to leave out what went away meanwhile

        def read() -> T:
            consumer = Consumer(settings)
            try:
                return work(consumer)
            finally:
                consumer.close()

        return await _in_a_thread(read)


async def _in_a_thread(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except KafkaException as error:
        raise ClusterAway(str(error.args[0].str() if error.args else error)) from None
    except TimeoutError:
        raise ClusterAway(f"no answer in {SECONDS:g} s") from None


def settled(asked: Future[T]) -> T:
    return asked.result(SECONDS)
