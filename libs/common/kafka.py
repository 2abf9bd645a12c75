"""Clients of Kafka, set up the same everywhere."""

import ssl
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from libs.common.settings import Settings


def _security(settings: Settings) -> dict[str, Any]:
    if not settings.kafka_tls:
        return {}
    return {"security_protocol": "SSL", "ssl_context": ssl.create_default_context()}


def new_producer(settings: Settings) -> AIOKafkaProducer:
    """Idempotent, acks=all, no linger: the relay already sends in batches."""
    return AIOKafkaProducer(
        bootstrap_servers=settings.kafka,
        client_id=f"guanxi-{settings.service}",
        enable_idempotence=True,
        acks="all",
        compression_type="lz4",
        request_timeout_ms=10_000,
        metadata_max_age_ms=5_000,
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
        **_security(settings),
    )
