"""How customers are related, what happened with them in any service, and by which ladder they are graded."""

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Numeric, SmallInteger, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from libs.common.tables import time, version, words
from services.customer.domain.relation import Relation, RelationKind
from services.customer.storage.schema import mapping, metadata

relations = Table(
    "relations",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    Column("customer_id", Uuid, ForeignKey("customers.id"), nullable=False),
    Column("related_id", Uuid, ForeignKey("customers.id"), nullable=False, index=True),
    words("kind", RelationKind),
    time("added_at"),
    time("ended_at", nullable=True),
)
Index(
    "uq_relations_standing",
    relations.c.customer_id,
    relations.c.related_id,
    relations.c.kind,
    unique=True,
    postgresql_where=relations.c.ended_at.is_(None),
)

interactions = Table(
    "interactions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("customer_id", Uuid, primary_key=True),
    Column("service", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("subject", Uuid, nullable=False),
    Column("version", BigInteger, nullable=False),
    time("occurred_at"),
    Column("facts", JSONB, nullable=False),
    Index("ix_interactions_customer_id", "customer_id", "id"),
)
"""`id` is the event's; nobody waits for a customer that is not known here, so none is referred to."""

grade_rungs = Table(
    "grade_rungs",
    metadata,
    Column("code", Text, primary_key=True),
    Column("effective_from", Date, primary_key=True),
    Column("effective_to", Date),
    Column("min_assets", Numeric(20, 4), nullable=False),
    Column("grace_months", SmallInteger, nullable=False),
)

mapping.map_imperatively(Relation, relations, version_id_col=relations.c.version, version_id_generator=False)
