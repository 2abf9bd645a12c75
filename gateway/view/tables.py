"""The read model of the 360° view: one row per customer and section. It holds no truth and can be rebuilt."""

from sqlalchemy import BigInteger, Column, DateTime, Integer, MetaData, Table, Text, Uuid

from libs.common.copies import Copy
from libs.contracts.catalogue import SECTIONS

SCHEMA = "view"

metadata = MetaData(schema=SCHEMA)


def _sections(name: str, **storage: str) -> Table:
    return Table(
        name,
        metadata,
        Column("customer_id", Uuid, primary_key=True),
        Column("section", Text, primary_key=True),
        Column("version", BigInteger, nullable=False),
        Column("changed_at", DateTime(timezone=True), nullable=False),
        Column("staff", Text),
        Column("self", Text),
        postgresql_with=storage,
    )


sections = _sections("sections", fillfactor="80")
_sections("sections_shadow")

watermarks = Table(
    "watermarks",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("as_of", DateTime(timezone=True), nullable=False),
)

COPIES = tuple(
    Copy(
        topic=topic.name,
        table="view.sections",
        key="customer_id",
        section=section,
        columns={"staff": "(document->'staff')::text", "self": "(document->'self')::text"},
    )
    for section, (topic, _) in SECTIONS.items()
)
