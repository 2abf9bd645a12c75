"""What all tables of the customer database are made with. Identifiers stand encrypted, indexed blind and masked."""

from sqlalchemy import Column, Index, LargeBinary, Numeric, Text
from sqlalchemy.orm import registry
from sqlalchemy.schema import SchemaItem

from libs.common.tables import chassis_tables, new_metadata

metadata = new_metadata()
mapping = registry(metadata=metadata)
chassis_tables(metadata)
MONEY = Numeric(20, 4)


def sealed(table: str, name: str, *, nullable: bool = False) -> list[SchemaItem]:
    return [
        Column(f"{name}_sealed", LargeBinary, nullable=nullable),
        Column(f"{name}_index", LargeBinary, nullable=nullable),
        Column(f"{name}_masked", Text, nullable=nullable),
        Column(f"{name}_last_index", LargeBinary),
        Index(f"ix_{table}_{name}_last_index", f"{name}_last_index"),
    ]
