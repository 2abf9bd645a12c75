"""How often each caller asked, over all replicas of the gateway. Not logged: a crash forgets a minute's counts."""

from sqlalchemy import Column, DateTime, Integer, MetaData, Table, Text

from gateway.audit.tables import SCHEMA

metadata = MetaData(schema=SCHEMA)

request_counts = Table(
    "request_counts",
    metadata,
    Column("key", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    prefixes=["UNLOGGED"],
)
