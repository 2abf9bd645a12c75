"""The complaints database."""

from datetime import date

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import registry, relationship

from libs.common.tables import chassis_tables, new_metadata, time, version, words
from services.complaints.domain.complaint import Channel, Complaint, DeadlineWarning
from services.complaints.domain.moves import Status

metadata = new_metadata()
chassis_tables(metadata)

complaints = Table(
    "complaints",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    Column("customer_id", Uuid, nullable=False),
    Column("number", Text, nullable=False, unique=True),
    Column("regimes", ARRAY(Text), nullable=False),
    words("channel", Channel),
    Column("business", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("facts", Text, nullable=False),
    words("status", Status),
    Column("cycle", SmallInteger, nullable=False),
    time("received_at"),
    time("reply_due_at"),
    Column("handler_id", Uuid),
    Column("decision", Text),
    words("reply_channel", Channel, nullable=True),
    time("replied_at", nullable=True),
    time("closed_at", nullable=True),
    Column("root_cause", Text),
    Column("responsibility", Text),
    Column("remedy", Text),
    Index("ix_complaints_customer_id", "customer_id", "received_at"),
    Index("ix_complaints_handler_id", "handler_id"),
)

deadline_warnings = Table(
    "deadline_warnings",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("complaint_id", Uuid, ForeignKey("complaints.id"), nullable=False),
    Column("clock", Text, nullable=False),
    Column("cycle", SmallInteger, nullable=False),
    Column("threshold", SmallInteger, nullable=False),
    time("due_at"),
    time("warned_at", nullable=True),
    UniqueConstraint("complaint_id", "clock", "cycle", "threshold"),
)
Index(
    "ix_deadline_warnings_due_at", deadline_warnings.c.due_at, postgresql_where=deadline_warnings.c.warned_at.is_(None)
)

deadline_policies = Table(
    "deadline_policies",
    metadata,
    Column("regime", Text, primary_key=True),
    Column("clock", Text, primary_key=True),
    Column("effective_from", Date, primary_key=True),
    Column("effective_to", Date),
    Column("days", SmallInteger, nullable=False),
    CheckConstraint("days > 0", name="days_positive"),
)

DEFAULT_POLICIES = [
    {"regime": "nfra", "clock": "statutory", "effective_from": date(2020, 3, 1), "days": 15},
    {"regime": "pboc", "clock": "statutory", "effective_from": date(2020, 11, 1), "days": 15},
]

mapping = registry(metadata=metadata)
mapping.map_imperatively(DeadlineWarning, deadline_warnings)
mapping.map_imperatively(
    Complaint,
    complaints,
    version_id_col=complaints.c.version,
    version_id_generator=False,
    properties={
        "warnings": relationship(DeadlineWarning, lazy="raise", order_by=deadline_warnings.c.threshold),
    },
)
