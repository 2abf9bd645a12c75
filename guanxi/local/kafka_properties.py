"""Settings of the one-node broker."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Listeners:
    """Where the broker and its controller listen."""

    host: str
    port: int
    controller_port: int

    @property
    def broker(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def controller(self) -> str:
        return f"{self.host}:{self.controller_port}"


def broker_properties(listeners: Listeners, data: Path, partitions: int) -> str:
    """server.properties; `partitions` is the number a new topic has unless it names its own."""
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{listeners.controller}",
        "listeners": f"PLAINTEXT://{listeners.broker},CONTROLLER://{listeners.controller}",
        "advertised.listeners": f"PLAINTEXT://{listeners.broker}",
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
    return "".join(f"{name}={value}\n" for name, value in settings.items())
