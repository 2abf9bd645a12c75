"""The chassis's own tables. They stand in every service's database and come by one shared migration."""

from datetime import date
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Enum,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    Uuid,
    and_,
    func,
    or_,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def new_metadata() -> MetaData:
    return MetaData(naming_convention=NAMING)


def time(name: str, *, nullable: bool = False, now: bool = False) -> Column[object]:
    """A column of aware UTC time."""
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=func.now() if now else None)


def chassis_tables(metadata: MetaData) -> None:
    """Outbox, publication marks, inbox, dead letters, idempotency keys, audit trail, recovery."""
    audit_tables(metadata)
    idempotency_table(metadata)
    recovery_tables(metadata)
    _outbound(metadata)
    _inbound(metadata)


def idempotency_table(metadata: MetaData) -> None:
    """Commands that were carried out."""
    Table(
        "idempotency_keys",
        metadata,
        Column("digest", LargeBinary, primary_key=True),
        Column("body_digest", LargeBinary, nullable=False),
        Column("status", SmallInteger, nullable=False),
        Column("resource_id", Uuid, nullable=False),
        Column("written", Text, nullable=False),
        time("created_at", now=True),
        Index("ix_idempotency_keys_created_at", "created_at"),
    )


def audit_tables(metadata: MetaData) -> None:
    """The audit trail. The app appends to it: entries and heads it may neither change nor delete."""
    chains = Table(
        "audit_chains",
        metadata,
        Column("chain", Uuid, primary_key=True),
        time("begun_at", now=True),
        Column("shipped", BigInteger, nullable=False, server_default=text("0")),
        Column("done", Boolean, nullable=False, server_default=text("false")),
    )
    Index("ix_audit_chains_lasting", chains.c.chain, postgresql_where=~chains.c.done)
    Table(
        "audit_entries",
        metadata,
        Column("chain", Uuid, primary_key=True),
        Column("sequence", BigInteger, primary_key=True),
        Column("content", Text, nullable=False),
        Column("hash", LargeBinary, nullable=False),
        time("written_at", now=True),
    )
    audit_heads(metadata)


def audit_heads(metadata: MetaData) -> None:
    """The signed heads: beside the trail, and beside the gateway's copy of it."""
    Table(
        "audit_heads",
        metadata,
        Column("chain", Uuid, primary_key=True),
        Column("sequence", BigInteger, primary_key=True),
        Column("hash", LargeBinary, nullable=False),
        Column("signature", Text, nullable=False),
    )


def recovery_tables(metadata: MetaData) -> None:
    """How far the app has read and written, and which broker it met: what tells that one of them was lost."""

    def place() -> tuple[Column[Any], ...]:
        return Column("topic", Text, primary_key=True), Column("partition", Integer, primary_key=True)

    following = Column("next", BigInteger, nullable=False), Column("epoch", BigInteger, nullable=False)
    newest = Column("newest", BigInteger, nullable=False, server_default="0")
    Table("reader_positions", metadata, Column("reader", Text, primary_key=True), *place(), *following, newest)
    Table("topic_ends", metadata, *place(), Column("next", BigInteger, nullable=False))
    Table("consumer_progress", metadata, *place(), time("caught_up_at"))
    Table(
        "broker_epochs",
        metadata,
        Column("epoch", BigInteger, primary_key=True, autoincrement=False),
        Column("cluster_id", Text, nullable=False),
    )


def _outbound(metadata: MetaData) -> None:
    outbox = Table(
        "outbox",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("event_id", Uuid, nullable=False),
        Column("type", Text, nullable=False),
        Column("key", Uuid, nullable=False),
        Column("subject", Uuid, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("traceparent", String(55)),
        time("occurred_at"),
        time("recorded_at", now=True),
        time("published_at", nullable=True),
        Column("parked_because", Text),
    )
    waiting, parked = outbox.c.published_at.is_(None), outbox.c.parked_because.is_not(None)
    Index("ix_outbox_waiting", outbox.c.id, postgresql_where=waiting)
    Index("ix_outbox_parked", outbox.c.key, postgresql_where=waiting & parked)
    Index("ix_outbox_published_at", outbox.c.published_at, postgresql_where=outbox.c.published_at.is_not(None))
    marks = Table(
        "publication_marks",
        metadata,
        Column("stream", Text, primary_key=True),
        Column("key", Uuid, primary_key=True),
        Column("version", BigInteger, nullable=False),
        Column("dirty", Boolean, nullable=False, server_default=text("true")),
        Column("marked_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
        Column("traceparent", String(55)),
        postgresql_with={"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02"},
    )
    Index("ix_publication_marks_dirty", marks.c.stream, marks.c.key, postgresql_where=marks.c.dirty)


def _inbound(metadata: MetaData) -> None:
    Table(
        "inbox",
        metadata,
        Column("event_id", Uuid, primary_key=True),
        Column("type", Text, nullable=False),
        time("handled_at", now=True),
        Column("subject", Text),
        Column("sequence", BigInteger),
        Index("ix_inbox_handled_at", "handled_at"),
        Index("ix_inbox_subject", "subject", "sequence"),
    )
    letters = Table(
        "dead_letters",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("topic", Text, nullable=False),
        Column("partition", Integer, nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("type", Text),
        Column("subject", Text),
        Column("sequence", BigInteger),
        Column("cause", Text, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        time("raised_at", now=True),
        Column("event_id", Uuid),
        Column("source", Text),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        time("asked_at", nullable=True),
        Column("out_of_order", Boolean, nullable=False, server_default=text("false")),
        time("handled_at", nullable=True),
    )
    Index("ix_dead_letters_asked_at", letters.c.asked_at, postgresql_where=letters.c.asked_at.is_not(None))


def version() -> Column[int]:
    """An aggregate's version: it moves with every event, and two editors cannot both win."""
    return Column("version", BigInteger, nullable=False)


def words(name: str, values: type[StrEnum], *, nullable: bool = False) -> Column[Any]:
    """A column of an enum's values, kept as text so that a new value needs no migration."""
    kind = Enum(
        values, native_enum=False, values_callable=lambda e: [m.value for m in e], create_constraint=False, length=40
    )
    return Column(name, kind, nullable=nullable)


class AsJson(TypeDecorator[Any]):
    """Values of one shape as JSON, in which money is text: JSON has no exact numbers."""

    impl, cache_ok = JSONB, True

    def __init__(self, shape: Any) -> None:
        super().__init__()
        self.shape = shape
        self._adapter = TypeAdapter(shape)

    def process_bind_param(self, value: Any, _dialect: Any) -> Any:
        return self._adapter.dump_python(value, mode="json")

    def process_result_value(self, value: Any, _dialect: Any) -> Any:
        return self._adapter.validate_python(value)


def in_force(columns: Any, day: date) -> ColumnElement[bool]:
    """Rows of an effective-dated table that count on a day: from `effective_from` on, and before `effective_to`."""
    lasting = or_(columns.effective_to.is_(None), columns.effective_to > day)
    return and_(columns.effective_from <= day, lasting)
