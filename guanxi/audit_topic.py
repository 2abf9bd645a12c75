"""What stands of everybody's audit trail on `crm.audit.v1`: a third copy, which no database's owner can cut off."""

import time
from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import Any
from uuid import UUID

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from guanxi.cluster.connection import SECONDS, Cluster
from libs.common.topics import AUDIT, AUDIT_ENTRY

AT_ONCE, WAIT_SECONDS = 2000, 0.2

Places = Mapping[tuple[UUID, int], AbstractSet[bytes]]
"""Chain and sequence → hash; several where somebody told it again, otherwise."""


async def told_on_topic(cluster: Cluster) -> Mapping[str, Places]:
    """By app, the entries that the topic still holds: three weeks of them.

    Raises:
        ClusterAway: it is not there, or lets nobody in.
    """
    return await cluster.consume(_read)


def _read(consumer: Consumer) -> Mapping[str, Places]:
    told: dict[str, dict[tuple[UUID, int], set[bytes]]] = defaultdict(lambda: defaultdict(set))
    for number in _partitions(consumer):
        begin, end = consumer.get_watermark_offsets(TopicPartition(AUDIT.name, number), timeout=SECONDS)
        consumer.assign([TopicPartition(AUDIT.name, number, begin)])
        patience = time.monotonic() + SECONDS
        while max(_position(consumer, number), begin) < end:
            for message in consumer.consume(AT_ONCE, timeout=WAIT_SECONDS):
                if error := message.error():
                    raise KafkaException(error)
                _note(message, told)
                patience = time.monotonic() + SECONDS
            if time.monotonic() > patience:
                raise TimeoutError
    return told


def _partitions(consumer: Consumer) -> list[int]:
    topic = consumer.list_topics(AUDIT.name, timeout=SECONDS).topics[AUDIT.name]
    if topic.error is not None:
        raise KafkaException(topic.error)
    return sorted(topic.partitions)


def _position(consumer: Consumer, number: int) -> int:
    """Negative before anything was read."""
    (place,) = consumer.position([TopicPartition(AUDIT.name, number)])
    return int(place.offset)


def _note(message: Message, told: dict[str, dict[tuple[UUID, int], set[bytes]]]) -> None:
    """What is no entry is passed over, as the gateway's collector does."""
    with suppress(KeyError, ValueError, AttributeError):
        headers: dict[str, Any] = dict(message.headers() or [])
        if headers["ce_type"] == AUDIT_ENTRY.encode():
            app, chain = headers["ce_source"].decode().rpartition("/")[2], UUID((message.key() or b"").decode())
            told[app][chain, int(headers["ce_sequence"])].add(bytes.fromhex(headers["hash"].decode()))
