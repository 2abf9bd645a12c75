"""Webhooks, their secrets, what waits to be told, and the log of what was."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import registry

from gateway.audit.tables import SCHEMA
from gateway.webhooks.webhook import Delivery, DeliveryStatus, Webhook, WebhookStatus
from libs.common.reencryption import SealedColumn
from libs.common.tables import NAMING, idempotency_table, new_metadata, time, version, words

own = new_metadata()
idempotency_table(own)

metadata = MetaData(schema=SCHEMA, naming_convention=NAMING)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    Column("partner", Text, nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("types", ARRAY(Text), nullable=False),
    Column("description", Text, nullable=False),
    time("created_at"),
    words("status", WebhookStatus),
    Column("status_reason", Text),
)

webhook_secrets = Table(
    "webhook_secrets",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("webhook_id", Uuid, ForeignKey(webhooks.c.id), nullable=False, index=True),
    Column("secret_sealed", LargeBinary, nullable=False),
    time("made_at"),
    time("valid_until", nullable=True),
)
SECRETS = SealedColumn("webhook_secrets.secret", "secret_sealed", schema=SCHEMA)

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("place", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("customer_id", Uuid, nullable=False),
    Column("subject", Uuid, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("party", Text),
    time("occurred_at"),
    time("received_at"),
    Index("uq_webhook_events_event_id_customer_id", "event_id", "customer_id", unique=True),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    Column("webhook_id", Uuid, ForeignKey(webhooks.c.id), nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("customer_id", Uuid),
    Column("subject", Uuid, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    time("occurred_at"),
    Column("place", BigInteger, nullable=False),
    words("status", DeliveryStatus),
    Column("tries", Integer, nullable=False),
    time("due_at"),
    time("waits_since"),
    Index("uq_webhook_deliveries_event", "webhook_id", "event_id", "customer_id", unique=True),
    Index("ix_webhook_deliveries_webhook_id", "webhook_id", "id"),
    Index("ix_webhook_deliveries_customer_id", "webhook_id", "customer_id", "id"),
)
_waiting = webhook_deliveries.c.status == DeliveryStatus.WAITING
Index(
    "ix_webhook_deliveries_due", webhook_deliveries.c.webhook_id, webhook_deliveries.c.due_at, postgresql_where=_waiting
)
Index(
    "ix_webhook_deliveries_order",
    webhook_deliveries.c.webhook_id,
    webhook_deliveries.c.customer_id,
    webhook_deliveries.c.place,
    postgresql_where=_waiting,
)

Index("ix_webhook_deliveries_waits_since", webhook_deliveries.c.waits_since, postgresql_where=_waiting)
Index("ix_webhook_deliveries_done", webhook_deliveries.c.occurred_at, postgresql_where=~_waiting)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("delivery_id", Uuid, ForeignKey(webhook_deliveries.c.id, ondelete="CASCADE"), nullable=False, index=True),
    time("tried_at"),
    Column("status", Integer),
    Column("error", Text),
    Column("milliseconds", Integer, nullable=False),
)

mapping = registry(metadata=metadata)
for aggregate, table in ((Webhook, webhooks), (Delivery, webhook_deliveries)):
    mapping.map_imperatively(aggregate, table, version_id_col=table.c.version, version_id_generator=False)
