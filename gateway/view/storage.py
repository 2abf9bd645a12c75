"""One statement reads the sections of customers, and only of those that the caller reaches."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Uuid, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from gateway.view.tables import sections
from libs.common.caller import Scope, Variant
from libs.common.consistency import VersionOf
from libs.common.database import Database, UnitOfWork
from libs.common.driver import ASKED, ByScope, Statement, compiled
from libs.contracts.catalogue import SECTIONS
from libs.directory.tables import customers


class Section(NamedTuple):
    """A section as the read model has it; `document` is its ready-made JSON."""

    name: str
    version: int | None = None
    changed_at: datetime | None = None
    document: str | None = None


async def read_sections(
    uow: UnitOfWork, customer_ids: Sequence[UUID], names: Sequence[str], variant: Variant
) -> dict[UUID, dict[str, Section]]:
    """The named sections of each customer within reach, in the order asked; those beyond it are left out."""
    one = len(customer_ids) == 1
    statement = _SECTIONS.of(uow.scope, variant, one)
    rows = await uow.fetch(statement, asked=customer_ids[0] if one else customer_ids)
    held: dict[UUID, dict[str, Section]] = {}
    for customer_id, name, version, changed_at, document in rows:
        held.setdefault(customer_id, {})[name] = Section(name, version, changed_at, document)
    return {id_: {n: held[id_].get(n) or Section(n) for n in names} for id_ in customer_ids if id_ in held}


def _sections(scope: Scope, variant: Variant, one: bool) -> Statement:  # noqa: FBT001 - tells kinds apart
    c, s = customers.c, sections.c
    asked: Any = ASKED if one else any_(bindparam("asked", type_=ARRAY(Uuid)))
    return compiled(
        select(c.customer_id, s.section, s.version, s.changed_at, s[variant])
        .outerjoin_from(customers, sections, s.customer_id == c.customer_id)
        .where(c.customer_id == asked, scope.customers(c.customer_id))
    )


_SECTIONS = ByScope(_sections)


def versions(database: Database) -> dict[str, VersionOf]:
    """For the consistency token: how far the view is, per section topic and customer."""
    return {topic.name: _version_of(database, name) for name, (topic, _) in SECTIONS.items()}


def _version_of(database: Database, name: str) -> VersionOf:
    async def version_of(customer_id: UUID) -> int | None:
        wanted = select(sections.c.version).where(sections.c.customer_id == customer_id, sections.c.section == name)
        async with database.engine.connect() as connection:
            version: int | None = (await connection.execute(wanted)).scalar_one_or_none()
            return version

    return version_of
