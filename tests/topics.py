"""Topics that are deleted and made again: whoever wrote to them, or read them, is told nothing."""

from functools import partial

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from guanxi.local.stack import PARTITIONS
from libs.common.topics import Topic
from tests.polling import until


async def make_again(bootstrap: str, *topics: Topic) -> None:
    """Delete topics where they are there, and make them anew, empty."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()

    async def made(topic: Topic) -> bool:
        answer = await admin.create_topics([NewTopic(topic.name, PARTITIONS, 1, topic_configs=topic.config)])
        return all(error[1] == 0 for error in answer.topic_errors)

    try:
        known = set(await admin.list_topics())
        for topic in topics:
            if topic.name in known:
                await admin.delete_topics([topic.name])
            await until(partial(made, topic))
    finally:
        await admin.close()
