"""How each reference topic becomes rows of the directory."""

from uuid import UUID

from sqlalchemy import Column, Table, select

from libs.common.consistency import VersionOf
from libs.common.copies import Copy
from libs.common.database import Database
from libs.contracts import complaints, customer, manager
from libs.directory import tables


def _text(name: str) -> str:
    return f"document->>'{name}'"


def _uuid(name: str) -> str:
    return f"(document->>'{name}')::uuid"


def _words(name: str) -> str:
    return f"ARRAY(SELECT jsonb_array_elements_text(document->'{name}'))"


def _ids(name: str) -> str:
    return f"ARRAY(SELECT jsonb_array_elements_text(document->'{name}')::uuid)"


def _assigned(*roles: str) -> str:
    wanted = ", ".join(f"'{role}'" for role in roles)
    return f"""ARRAY(SELECT (a->>'staff_id')::uuid FROM jsonb_array_elements(document->'assigned') AS a
                     WHERE a->>'role' IN ({wanted}))"""  # noqa: S608 - roles are named below


COPIES = (
    Copy(
        topic=customer.REFERENCE.name,
        table="directory.customers",
        key="customer_id",
        columns={
            "status": _text("status"),
            "kind": _text("kind"),
            "home_unit_id": _uuid("home_unit_id"),
            "grade": _text("grade"),
            "canonical_id": _uuid("canonical_id"),
            "partner_consents": _words("partner_consents"),
            "logins": _words("logins"),
        },
    ),
    Copy(
        topic=manager.ASSIGNMENT_REFERENCE.name,
        table="directory.assignments",
        key="customer_id",
        columns={"own_ids": _assigned("main", "assistant"), "cover_ids": _assigned("cover")},
    ),
    Copy(
        topic=manager.ORG_UNIT_REFERENCE.name,
        table="directory.org_units",
        key="org_unit_id",
        columns={
            "code": _text("code"),
            "name": _text("name"),
            "kind": _text("kind"),
            "parent_id": _uuid("parent_id"),
            "path": _text("path"),
        },
    ),
    Copy(
        topic=manager.STAFF_REFERENCE.name,
        table="directory.staff",
        key="staff_id",
        columns={
            "unit_ids": _ids("unit_ids"),
            "roles": _words("roles"),
            "logins": _words("logins"),
            "grants": _ids("grants"),
            "walls": _ids("walls"),
            "active": "coalesce((document->>'active')::boolean, false)",
        },
    ),
    Copy(
        topic=complaints.CASE_REFERENCE.name,
        table="directory.cases",
        key="customer_id",
        columns={"handler_ids": _ids("handler_ids")},
    ),
)


def versions(database: Database) -> dict[str, VersionOf]:
    """For the consistency token: how far the directory of this app is, per topic and key."""
    held = {
        customer.REFERENCE.name: tables.customers,
        manager.ASSIGNMENT_REFERENCE.name: tables.assignments,
        manager.ORG_UNIT_REFERENCE.name: tables.org_units,
        manager.STAFF_REFERENCE.name: tables.staff,
        complaints.CASE_REFERENCE.name: tables.cases,
    }
    return {topic: _version_of(database, table) for topic, table in held.items()}


def _version_of(database: Database, table: Table) -> VersionOf:
    key: Column[UUID] = list(table.primary_key)[0]  # noqa: RUF015 - one column, read once

    async def version_of(wanted: UUID) -> int | None:
        async with database.engine.connect() as connection:
            found = await connection.execute(select(table.c.version).where(key == wanted))
            version: int | None = found.scalar_one_or_none()
            return version

    return version_of
