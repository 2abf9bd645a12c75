"""The gateway's copy of every app's audit trail, beside the trail that it writes itself. Only added to."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY

from libs.common.tables import audit_heads, audit_tables, new_metadata, recovery_tables

SCHEMA = "edge"

own = new_metadata()
audit_tables(own)
recovery_tables(own)

metadata = MetaData(schema=SCHEMA)

audit = Table(
    "audit",
    metadata,
    Column("chain", Uuid, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("id", Uuid, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    *[Column(name, Text, nullable=False) for name in ("service", "actor", "permission", "method", "route")],
    Column("status", Integer, nullable=False),
    *[Column(name, Text, nullable=name == "reason") for name in ("origin", "trace_id", "reason")],
    Column("thing_ids", ARRAY(Uuid), nullable=False),
    Column("customer_ids", ARRAY(Uuid), nullable=False),
    Column("terms", ARRAY(Text), nullable=False),
    Column("content", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("follows", Uuid),
)
Index("ix_edge_audit_follows", audit.c.follows, postgresql_where=audit.c.follows.is_not(None))
Index("ix_edge_audit_id", audit.c.id)
Index("ix_edge_audit_actor", audit.c.actor, audit.c.at)
Index("ix_edge_audit_customer_ids", audit.c.customer_ids, postgresql_using="gin")

audit_heads(metadata)

audit_alerts = Table(
    "audit_alerts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("actor", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("rule", Text, nullable=False),
    Column("customers", Integer, nullable=False),
    Column("raised_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("actor", "day", "rule", name="uq_audit_alerts_actor_day_rule"),
)
