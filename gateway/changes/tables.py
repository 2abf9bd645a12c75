"""What changed in the view lately: written by triggers on its sections, in whichever way those change."""

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, MetaData, Table, Text, Uuid, text

from gateway.view.tables import SCHEMA

metadata = MetaData(schema=SCHEMA)

changes = Table(
    "changes",
    metadata,
    Column(
        "transaction",
        BigInteger,
        primary_key=True,
        server_default=text("pg_current_xact_id()::text::bigint"),
    ),
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("customer_id", Uuid, nullable=False),
    Column("section", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)
Index("ix_view_changes_customer_id", changes.c.customer_id, changes.c.transaction, changes.c.position)
Index("ix_view_changes_changed_at", changes.c.changed_at)
