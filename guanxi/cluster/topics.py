"""Topics as the contracts declare them: created, brought in line, compared."""

from collections.abc import Sequence
from statistics import mode

from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from guanxi.cluster.connection import SECONDS, Cluster, settled
from libs.common.topics import Topic
from libs.contracts.catalogue import TOPICS

THREE = 3


async def apply_topics(cluster: Cluster, *, partitions: int, replication: int) -> list[str]:
    """Create what is missing and set what differs. Returns a line for each thing done; empty when all was right.

    A topic that is parted unlike the others is told and left as it is: keys would go elsewhere, or records be lost.
    """

    def work(admin: AdminClient) -> list[str]:
        missing, other = _compared(admin)
        left = [f"left {line}" for line in _parted_otherwise(admin)]
        new = [
            NewTopic(topic.name, partitions, replication, config=settings_of(topic, replication)) for topic in missing
        ]
        for created in admin.create_topics(new).values() if new else ():
            settled(created)
        for topic in other:
            _bring_in_line(admin, topic)
        done = [f"created {topic.name}" for topic in missing] + [f"brought {topic.name} in line" for topic in other]
        return done + left

    return await cluster.ask(work)


async def compare_topics(cluster: Cluster) -> list[str]:
    """A line for each topic that is missing, not as declared, or parted unlike most others; changes nothing."""

    def work(admin: AdminClient) -> list[str]:
        missing, other = _compared(admin)
        lacks = [f"{topic.name} is missing" for topic in missing]
        differs = [f"{topic.name} is not as declared" for topic in other]
        return lacks + differs + _parted_otherwise(admin)

    return await cluster.ask(work)


def settings_of(topic: Topic, replication: int) -> dict[str, str]:
    """What a new topic gets: as declared, compacted early, and acknowledged by two brokers where three have it."""
    compacted = {"min.cleanable.dirty.ratio": "0.1"} if topic.cleanup == "compact" else {}
    return {**topic.config, **compacted, **({"min.insync.replicas": "2"} if replication >= THREE else {})}


def _compared(admin: AdminClient) -> tuple[list[Topic], list[Topic]]:
    """The missing ones, and those that differ."""
    existing = admin.list_topics(timeout=SECONDS).topics
    missing = [topic for topic in TOPICS if topic.name not in existing]
    return missing, _different(admin, [topic for topic in TOPICS if topic.name in existing])


def _parted_otherwise(admin: AdminClient) -> list[str]:
    """A line for each topic with another number of partitions than most others have."""
    existing = admin.list_topics(timeout=SECONDS).topics
    counts = {topic.name: len(existing[topic.name].partitions) for topic in TOPICS if topic.name in existing}
    usual = mode(counts.values()) if counts else 0
    return [f"{name} with {count} partitions, and not {usual}" for name, count in counts.items() if count != usual]


def _different(admin: AdminClient, topics: Sequence[Topic]) -> list[Topic]:
    asked = {topic.name: topic for topic in topics}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in asked]
    found = {r.name: settled(entries) for r, entries in admin.describe_configs(resources).items()} if asked else {}
    return [t for t in topics if any(found[t.name][name].value != value for name, value in t.config.items())]


def _bring_in_line(admin: AdminClient, topic: Topic) -> None:
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in topic.config.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=entries)
    for altered in admin.incremental_alter_configs([resource]).values():
        settled(altered)
