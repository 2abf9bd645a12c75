"""What operators of others read, field by field: their schemas are none of Kubernetes' own, and a misspelt field is ignored.

Prometheus operator: API reference of monitoring.coreos.com/v1. Strimzi: Custom resource API reference, v1beta2.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.rendered import resources

FREE = ("metadata", "matchLabels", "config")
"""Whose names are ours to choose, or Kafka's own."""
FIELDS = {
    "PodMonitor": {
        "spec.podMetricsEndpoints.interval",
        "spec.podMetricsEndpoints.path",
        "spec.podMetricsEndpoints.port",
        "spec.podMetricsEndpoints.relabelings.sourceLabels",
        "spec.podMetricsEndpoints.relabelings.targetLabel",
        "spec.podMetricsEndpoints.scheme",
        "spec.podMetricsEndpoints.tlsConfig.insecureSkipVerify",
        "spec.selector.matchLabels",
    },
    "PrometheusRule": {
        "spec.groups.name",
        "spec.groups.rules.alert",
        "spec.groups.rules.annotations.runbook",
        "spec.groups.rules.annotations.summary",
        "spec.groups.rules.expr",
        "spec.groups.rules.for",
        "spec.groups.rules.labels.severity",
    },
    "KafkaTopic": {"spec.config", "spec.partitions", "spec.replicas", "spec.topicName"},
    "KafkaUser": {
        "spec.authentication.type",
        "spec.authorization.acls.operations",
        "spec.authorization.acls.resource.name",
        "spec.authorization.acls.resource.patternType",
        "spec.authorization.acls.resource.type",
        "spec.authorization.type",
    },
}
VERSIONS = {
    "PodMonitor": "monitoring.coreos.com/v1",
    "PrometheusRule": "monitoring.coreos.com/v1",
    "KafkaTopic": "kafka.strimzi.io/v1beta2",
    "KafkaUser": "kafka.strimzi.io/v1beta2",
}
OF_KAFKA = {
    "cleanup.policy",
    "max.compaction.lag.ms",
    "min.cleanable.dirty.ratio",
    "min.insync.replicas",
    "retention.ms",
}


def fields(told: Any, place: str = "") -> Iterator[str]:
    if isinstance(told, list):
        for each in told:
            yield from fields(each, place)
    elif isinstance(told, dict) and place.rpartition(".")[2] not in FREE:
        for name, value in told.items():
            yield from fields(value, f"{place}.{name}".lstrip("."))
    else:
        yield place


@pytest.mark.parametrize("kind", FIELDS)
def test_it_has_the_fields_that_its_operator_reads_and_no_others(kind: str) -> None:
    found = [each for folder in ("overlays/prod", "kafka-strimzi") for each in resources(folder, kind)]
    assert {each["apiVersion"] for each in found} == {VERSIONS[kind]}
    assert {field for each in found for field in fields(each)} == FIELDS[kind] | {"apiVersion", "kind", "metadata"}


def test_a_topic_is_configured_as_kafka_names_it() -> None:
    assert {name for each in resources("kafka-strimzi", "KafkaTopic") for name in each["spec"]["config"]} == OF_KAFKA
