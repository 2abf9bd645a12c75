"""The directory's tables: references as this app last heard them. The same in every service and in the gateway."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

SCHEMA = "directory"

metadata = MetaData(schema=SCHEMA)


def _ids(name: str) -> Column[Any]:
    return Column(name, ARRAY(Uuid), nullable=False, server_default=text("'{}'"))


def _words(name: str) -> Column[Any]:
    return Column(name, ARRAY(Text), nullable=False, server_default=text("'{}'"))


def _copied(name: str, key: str, *columns: Column[Any]) -> Table:
    return Table(
        name,
        metadata,
        Column(key, Uuid, primary_key=True),
        Column("version", BigInteger, nullable=False),
        Column("changed_at", DateTime(timezone=True), nullable=False),
        *columns,
    )


def _customer_columns() -> tuple[Column[Any], ...]:
    return (
        Column("status", Text),
        Column("kind", Text),
        Column("home_unit_id", Uuid),
        Column("grade", Text),
        Column("canonical_id", Uuid),
        _words("partner_consents"),
        _words("logins"),
    )


def _org_unit_columns() -> tuple[Column[Any], ...]:
    return (
        Column("code", Text),
        Column("name", Text),
        Column("kind", Text),
        Column("parent_id", Uuid),
        Column("path", Text),
    )


def _staff_columns() -> tuple[Column[Any], ...]:
    active = Column("active", Boolean, nullable=False, server_default=text("false"))
    return (_ids("unit_ids"), _words("roles"), _words("logins"), _ids("grants"), _ids("walls"), active)


customers = _copied("customers", "customer_id", *_customer_columns())
assignments = _copied("assignments", "customer_id", _ids("own_ids"), _ids("cover_ids"))
org_units = _copied("org_units", "org_unit_id", *_org_unit_columns())
staff = _copied("staff", "staff_id", *_staff_columns())
cases = _copied("cases", "customer_id", _ids("handler_ids"))

_copied("customers_shadow", "customer_id", *_customer_columns())
_copied("assignments_shadow", "customer_id", _ids("own_ids"), _ids("cover_ids"))
_copied("org_units_shadow", "org_unit_id", *_org_unit_columns())
_copied("staff_shadow", "staff_id", *_staff_columns())
_copied("cases_shadow", "customer_id", _ids("handler_ids"))

watermarks = Table(
    "watermarks",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("as_of", DateTime(timezone=True), nullable=False),
)

Index("ix_directory_customers_home_unit_id", customers.c.home_unit_id)
Index("ix_directory_customers_logins", customers.c.logins, postgresql_using="gin")
Index("ix_directory_customers_partner_consents", customers.c.partner_consents, postgresql_using="gin")
Index("ix_directory_assignments_own_ids", assignments.c.own_ids, postgresql_using="gin")
Index("ix_directory_assignments_cover_ids", assignments.c.cover_ids, postgresql_using="gin")
Index("ix_directory_org_units_path", org_units.c.path, postgresql_ops={"path": "text_pattern_ops"})
Index("ix_directory_org_units_code", org_units.c.code)
Index("ix_directory_staff_logins", staff.c.logins, postgresql_using="gin")
Index("ix_directory_cases_handler_ids", cases.c.handler_ids, postgresql_using="gin")
