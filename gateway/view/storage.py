"""One statement reads a customer's sections, how far each is complete, and whether the caller may see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import String, column, func, select, values

from gateway.view.tables import sections, watermarks
from libs.common.caller import Variant
from libs.common.consistency import VersionOf
from libs.common.copies import NEVER
from libs.common.database import Database, UnitOfWork
from libs.common.domain import NotFound
from libs.contracts.catalogue import SECTIONS
from libs.directory.tables import customers


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section as the read model has it; `document` is its ready-made JSON."""

    name: str
    version: int | None
    changed_at: datetime | None
    as_of: datetime | None
    document: str | None


async def read_sections(uow: UnitOfWork, customer_id: UUID, names: Sequence[str], variant: Variant) -> list[Section]:
    """The named sections of a customer.

    Raises:
        NotFound: unknown, or out of scope.
    """
    named = values(column("section", String), column("topic", String), name="named").data(
        [(name, SECTIONS[name][0].name) for name in names]
    )
    heard = (
        select(watermarks.c.topic, func.nullif(func.min(watermarks.c.as_of), NEVER).label("as_of"))
        .group_by(watermarks.c.topic)
        .subquery()
    )
    s = sections.c
    statement = (
        select(named.c.section, s.version, s.changed_at, heard.c.as_of, s[variant].label("document"))
        .select_from(customers.join(named, customers.c.customer_id == customer_id))
        .outerjoin(sections, (s.customer_id == customers.c.customer_id) & (s.section == named.c.section))
        .outerjoin(heard, heard.c.topic == named.c.topic)
        .where(customers.c.customer_id == customer_id, uow.scope.customers(customers.c.customer_id))
    )
    rows = {row.section: row for row in await uow.session.execute(statement)}
    if not rows:
        raise NotFound.thing("customer")
    return [
        Section(
            name=name,
            version=rows[name].version,
            changed_at=rows[name].changed_at,
            as_of=rows[name].as_of,
            document=rows[name].document,
        )
        for name in names
    ]


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
