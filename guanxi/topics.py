"""Topics as the contracts declare them: created, brought in line, compared."""

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from libs.common.topics import Topic
from libs.contracts.catalogue import TOPICS


async def apply_topics(bootstrap: str, *, partitions: int, replication: int) -> list[str]:
    """Create what is missing and set what differs. Returns a line for each thing done; empty when all was right."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        existing = set(await admin.list_topics())
        missing = [topic for topic in TOPICS if topic.name not in existing]
        new = [
            NewTopic(topic.name, partitions, replication, topic_configs={**topic.config, **_compaction(topic)})
            for topic in missing
        ]
        if new:
            await admin.create_topics(new)
        done = [f"created {topic.name}" for topic in missing]
        for topic in TOPICS:
            if topic not in missing and await _differs(admin, topic):
                await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, dict(topic.config))])
                done.append(f"brought {topic.name} in line")
        return done
    finally:
        await admin.close()


async def compare_topics(bootstrap: str) -> list[str]:
    """A line for each topic that is missing or not as declared; changes nothing."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        existing = set(await admin.list_topics())
        missing = [f"{topic.name} is missing" for topic in TOPICS if topic.name not in existing]
        present = [topic for topic in TOPICS if topic.name in existing]
        return missing + [f"{topic.name} is not as declared" for topic in present if await _differs(admin, topic)]
    finally:
        await admin.close()


def _compaction(topic: Topic) -> dict[str, str]:
    return {"min.cleanable.dirty.ratio": "0.1"} if topic.cleanup == "compact" else {}


async def _differs(admin: AIOKafkaAdminClient, topic: Topic) -> bool:
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name)])
    entries = answers[0].resources[0][4]
    actual = {entry[0]: entry[1] for entry in entries}
    return any(actual.get(name) != value for name, value in topic.config.items())
