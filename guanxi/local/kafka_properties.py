"""Settings of the one-node broker."""

from dataclasses import dataclass
from pathlib import Path

OPERATOR = "guanxi"
"""The principal that may do everything: it creates topics and says who may use them."""


@dataclass(frozen=True)
class Listeners:
    """Where broker and controller listen. With `outward`, by which others know it, the broker listens everywhere."""

    host: str
    port: int
    controller_port: int
    outward: str | None = None

    @property
    def broker(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def bound(self) -> str:
        return f"0.0.0.0:{self.port}" if self.outward else self.broker

    @property
    def advertised(self) -> str:
        return f"{self.outward}:{self.port}" if self.outward else self.broker

    @property
    def controller(self) -> str:
        return f"{self.host}:{self.controller_port}"


@dataclass(frozen=True)
class Security:
    """TLS with a certificate for whoever comes, SCRAM for who they are, rights for what they may.

    `identity` holds the broker's key and certificate chain, `authorities` who signed them, both as PEM.
    """

    identity: Path
    authorities: Path
    password: str


def broker_properties(listeners: Listeners, data: Path, partitions: int, security: Security | None = None) -> str:
    """server.properties; `partitions` is the number a new topic has unless it names its own."""
    told = {**_settings(listeners, data, partitions), **(_secured(listeners, security) if security else {})}
    return "".join(f"{name}={value}\n" for name, value in told.items())


def _secured(listeners: Listeners, security: Security) -> dict[str, object]:
    controller = "listener.name.controller"
    return {
        "listeners": f"SASL_SSL://{listeners.bound},CONTROLLER://{listeners.controller}",
        "advertised.listeners": f"SASL_SSL://{listeners.advertised}",
        "listener.security.protocol.map": "SASL_SSL:SASL_SSL,CONTROLLER:SSL",
        "inter.broker.listener.name": "SASL_SSL",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": _login(security.password),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": security.identity,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": security.authorities,
        # The node speaks to itself as a controller by its own certificate; nobody else has one.
        f"{controller}.ssl.client.auth": "required",
        f"{controller}.ssl.principal.mapping.rules": f"RULE:^.*$/{OPERATOR}/",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{OPERATOR}",
    }


def _login(password: str) -> str:
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    return f'{module} required username="{OPERATOR}" password="{password}";'


def _settings(listeners: Listeners, data: Path, partitions: int) -> dict[str, object]:
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{listeners.controller}",
        "listeners": f"PLAINTEXT://{listeners.bound},CONTROLLER://{listeners.controller}",
        "advertised.listeners": f"PLAINTEXT://{listeners.advertised}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": data,
        "num.partitions": partitions,
        "auto.create.topics.enable": "false",
        # There is one node, and these ask for three.
        "default.replication.factor": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        # A killed broker's registration must lapse before it may come back: 3 s instead of 11.
        "broker.session.timeout.ms": 1500,
        "broker.heartbeat.interval.ms": 300,
        "num.network.threads": 2,
        "num.io.threads": 4,
    }
