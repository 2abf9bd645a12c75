"""Clients of Kafka, set up the same everywhere."""

import contextlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)

from libs.common.settings import Settings
from libs.common.tls import client_context

RETRY_MILLISECONDS = 250
BATCH_BYTES = 512 * 1024
"""Of one partition, uncompressed: a batch of the relay is one request, and half of what a broker takes at most."""
NEVER_SENT = (MessageSizeTooLargeError, InvalidTopicError, TopicAuthorizationFailedError)
"""What no other try changes: a person has to."""


def _security(settings: Settings) -> dict[str, Any]:
    kind = "SSL" if settings.kafka_tls else "PLAINTEXT"
    told: dict[str, Any] = {"ssl_context": client_context(settings)} if settings.kafka_tls else {}
    if settings.kafka_user is None or settings.kafka_password is None:
        return {**told, "security_protocol": kind}
    return {
        **told,
        "security_protocol": f"SASL_{kind}",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": settings.kafka_user,
        "sasl_plain_password": settings.kafka_password.get_secret_value(),
    }


def new_producer(settings: Settings) -> AIOKafkaProducer:
    """Idempotent, acks=all, no linger: the relay already sends in batches."""
    return AIOKafkaProducer(
        bootstrap_servers=settings.kafka,
        client_id=f"guanxi-{settings.service}",
        enable_idempotence=True,
        acks="all",
        compression_type="lz4",
        max_batch_size=BATCH_BYTES,
        request_timeout_ms=10_000,
        metadata_max_age_ms=5_000,
        retry_backoff_ms=RETRY_MILLISECONDS,
        **_security(settings),
    )


def new_consumer(settings: Settings, *topics: str, group: str | None) -> AIOKafkaConsumer:
    """Commits by hand, starts at the beginning, leaves on stop; a killed member costs its partitions 6 s."""
    return AIOKafkaConsumer(
        *topics,
        bootstrap_servers=settings.kafka,
        client_id=f"guanxi-{settings.service}",
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=6_000,
        heartbeat_interval_ms=1_000,
        max_poll_interval_ms=120_000,
        metadata_max_age_ms=3_000,
        retry_backoff_ms=RETRY_MILLISECONDS,
        **_security(settings),
    )


def group_of(app: str, part: str | None = None) -> str:
    """The name of an app's consumer group, or of that of a part of it."""
    return f"crm.{app}" + (f".{part}" if part else "")


async def commit_offsets(consumer: AIOKafkaConsumer, places: Mapping[TopicPartition, int]) -> None:
    """Say how far a group has come. Where the partitions moved on meanwhile, their new owner repeats harmlessly."""
    with contextlib.suppress(CommitFailedError, IllegalStateError):
        await consumer.commit(dict(places))


def key_of(thing_id: UUID) -> bytes:
    """A record's key: the id as people write it, so that any tool shows it."""
    return str(thing_id).encode()


def id_of(record: ConsumerRecord) -> UUID:
    """The id that a record is keyed by."""
    return UUID(record.key.decode())


def headers_of(record: ConsumerRecord) -> dict[str, str]:
    """As text that can be stored: a foreign record's header may have no value, or hold what no column takes."""
    return {name: (value or b"").decode(errors="replace").replace("\0", "") for name, value in record.headers}


EPOCH_DIGITS = 18
EPOCH = "ce_epoch"
"""The header of records that were sent since a broker forgot what it had acknowledged: when, in microseconds."""


def epoch_of(record: ConsumerRecord) -> int:
    """0 where none is told, or no number."""
    for name, told in record.headers:
        if name == EPOCH and told and told.isdigit() and len(told) <= EPOCH_DIGITS:
            return int(told)
    return 0


async def cluster_id(settings: Settings) -> str:
    """The id of the cluster that answers: another one has none of the records that the first was sent."""
    client = AIOKafkaAdminClient(bootstrap_servers=settings.kafka, request_timeout_ms=10_000, **_security(settings))
    try:
        await client.start()
        return str((await client.describe_cluster())["cluster_id"])
    finally:
        await client.close()
