"""A broker that lets nobody in unknown, with everybody's rights as the contracts declare them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe

from pydantic import SecretStr

from guanxi.cluster.connection import Cluster
from guanxi.cluster.rights import apply_rights, set_passwords
from guanxi.cluster.topics import apply_topics
from guanxi.local.kafka import LocalKafka
from guanxi.local.kafka_properties import OPERATOR, Security
from libs.contracts.principals import all_rights
from tests.certificates import Certificates
from tests.conftest import JARS
from tests.ports import free_port

PARTNERS: dict[str, Sequence[str]] = {"acme": ["crm.complaints.events.v1"]}


@dataclass(frozen=True)
class Secured:
    broker: LocalKafka
    certificates: Certificates
    passwords: dict[str, str]

    def cluster(self, user: str = OPERATOR, password: str | None = None) -> Cluster:
        return Cluster(
            kafka=self.broker.bootstrap,
            kafka_tls=True,
            kafka_user=user,
            kafka_password=SecretStr(password or self.passwords[user]),
            tls_authorities=self.certificates.authorities,
        )


@asynccontextmanager
async def secured(folder: Path) -> AsyncIterator[Secured]:
    certificates, rights = Certificates.make(folder / "certificates"), all_rights(PARTNERS)
    passwords = {name: token_urlsafe(24) for name in (OPERATOR, *(each.principal for each in rights))}
    security = Security(certificates.identity, certificates.authorities, passwords[OPERATOR])
    broker = LocalKafka(folder / "kafka", port=free_port(), controller_port=free_port(), cache=JARS, security=security)
    made = Secured(broker, certificates, passwords)
    try:
        await broker.start()
        await apply_topics(made.cluster(), partitions=2, replication=1)
        await set_passwords(made.cluster(), {name: word for name, word in passwords.items() if name != OPERATOR})
        await apply_rights(made.cluster(), rights)
        yield made
    finally:
        await broker.stop()
