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

PARTNERS: dict[str, Sequence[str]] = {
    "acme": ["crm.complaints.events.v1"],
    "acme-labs": ["crm.customer.events.v1", "crm.manager.events.v1"],
}


@dataclass(frozen=True)
class Secured:
    """The broker, and what each principal shows it."""

    broker: LocalKafka
    certificates: Certificates
    passwords: dict[str, str]

    @classmethod
    def make(cls, folder: Path, port: int, controller_port: int) -> "Secured":
        certificates = Certificates.make(folder / "certificates")
        names = (OPERATOR, *(each.principal for each in all_rights(PARTNERS)))
        passwords = {name: token_urlsafe(24) for name in names}
        security = Security(certificates.identity, certificates.authorities, passwords[OPERATOR])
        place = folder / "kafka"
        broker = LocalKafka(place, port=port, controller_port=controller_port, cache=JARS, security=security)
        return cls(broker, certificates, passwords)

    def cluster(self, user: str = OPERATOR, password: str | None = None) -> Cluster:
        return Cluster(
            kafka=self.broker.bootstrap,
            kafka_tls=True,
            kafka_user=user,
            kafka_password=SecretStr(password or self.passwords[user]),
            tls_authorities=self.certificates.authorities,
        )

    async def let_in(self) -> None:
        """Give everybody their password and their rights."""
        others = {name: word for name, word in self.passwords.items() if name != OPERATOR}
        await set_passwords(self.cluster(), others)
        await apply_rights(self.cluster(), all_rights(PARTNERS))


@asynccontextmanager
async def secured(folder: Path) -> AsyncIterator[Secured]:
    made = Secured.make(folder, free_port(), free_port())
    try:
        await made.broker.start()
        await apply_topics(made.cluster(), partitions=2, replication=1)
        await made.let_in()
        yield made
    finally:
        await made.broker.stop()
