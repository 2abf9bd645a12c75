"""The same as Kubernetes resources, for clusters that Strimzi runs: KafkaTopic and KafkaUser."""

from collections.abc import Sequence
from typing import Any

import yaml

from guanxi.cluster.rights import grants_of
from guanxi.cluster.topics import settings_of
from libs.common.topics import Topic
from libs.contracts.catalogue import TOPICS
from libs.contracts.principals import Rights

VERSION = "kafka.strimzi.io/v1beta2"


def render(cluster: str, declared: Sequence[Rights], *, partitions: int, replication: int) -> str:
    """YAML documents, one per topic and principal, for the Kafka resource named `cluster`."""
    topics = [_topic(topic, partitions, replication) for topic in TOPICS]
    resources = [*topics, *(_user(rights) for rights in declared)]
    for resource in resources:
        resource["metadata"]["labels"] = {"strimzi.io/cluster": cluster}
    return str(yaml.safe_dump_all(resources, sort_keys=False, explicit_start=True))


def _topic(topic: Topic, partitions: int, replication: int) -> dict[str, Any]:
    spec = {"partitions": partitions, "replicas": replication, "config": settings_of(topic, replication)}
    # A resource's name has no underscore; the topic keeps its own.
    return _resource("KafkaTopic", topic.name.replace("_", "-"), {"topicName": topic.name, **spec})


def _user(rights: Rights) -> dict[str, Any]:
    acls = [
        {
            "resource": {
                "type": grant.kind,
                "name": grant.name,
                "patternType": "prefix" if grant.prefixed else "literal",
            },
            "operations": [grant.operation.capitalize()],
        }
        for grant in grants_of(rights)
    ]
    spec = {"authentication": {"type": "scram-sha-512"}, "authorization": {"type": "simple", "acls": acls}}
    return _resource("KafkaUser", rights.principal, spec)


def _resource(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
