"""A principal tries to write, to read, and to join a group."""

import asyncio
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import ClusterAuthorizationFailedError, TopicAuthorizationFailedError
from confluent_kafka import Consumer, KafkaError

from libs.common.kafka import new_consumer, new_producer
from libs.common.settings import Settings


async def may_write(settings: Settings, topic: str) -> bool:
    producer = new_producer(settings)
    try:
        await producer.start()
        await producer.send_and_wait(topic, b"{}", key=b"tried")
    except (TopicAuthorizationFailedError, ClusterAuthorizationFailedError):
        return False  # whoever writes nothing at all may not even ask for a producer's id
    finally:
        await producer.stop()
    return True


async def may_read(settings: Settings, topic: str) -> bool:
    """Of no group. Our client asks for ever about a topic that is hidden from it: it is looked at what it was told."""
    consumer = new_consumer(settings, group=None)
    await consumer.start()
    try:
        part = TopicPartition(topic, 0)
        consumer.assign([part])
        await consumer._client.force_metadata_update()
        if topic in consumer._client.cluster.unauthorized_topics:
            return False
        async with asyncio.timeout(10):
            await consumer.seek_to_beginning(part)
            await consumer.getmany(timeout_ms=100)
    except TopicAuthorizationFailedError:
        return False
    finally:
        await consumer.stop()
    return True


async def may_join(settings: Settings, topic: str, group: str) -> bool:
    """Another client than ours, which asks again and again."""
    assert settings.kafka_password is not None
    config: dict[str, Any] = {
        "bootstrap.servers": settings.kafka,
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(settings.tls_authorities),
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": settings.kafka_user,
        "sasl.password": settings.kafka_password.get_secret_value(),
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "log_level": 0,
    }
    return await asyncio.to_thread(_joins, config, topic)


def _joins(config: dict[str, Any], topic: str) -> bool:
    consumer = Consumer(config)
    try:
        consumer.subscribe([topic])
        answer = consumer.poll(20)
    finally:
        consumer.close()
    assert answer is not None, "neither let in nor refused"
    error = answer.error()
    assert error is None or error.code() in (KafkaError._PARTITION_EOF, KafkaError.GROUP_AUTHORIZATION_FAILED), error
    return error is None or error.code() == KafkaError._PARTITION_EOF
