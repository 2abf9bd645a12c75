"""What marketing hears of customers, a row for each, and whom of them a segment holds."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, literal, select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import Text, Uuid

from libs.common.database import UnitOfWork
from libs.directory import tables as directory
from services.marketing.domain.campaign import Campaign
from services.marketing.domain.member import Candidate
from services.marketing.domain.segment import Segment
from services.marketing.storage.tables import audience

customers = directory.customers.alias("directory_customers")
units = directory.org_units.alias("directory_org_units")
home = directory.org_units.alias("directory_home_units")


class AudienceRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def welcome(self, customer_id: UUID) -> None:
        await self._uow.session.execute(insert(audience).values(customer_id=customer_id).on_conflict_do_nothing())

    async def consents(self, customer_id: UUID, channel: str, *, standing: bool) -> None:
        await self._keep(customer_id, channels=_with(audience.c.channels, literal(channel, Text), present=standing))

    async def complains(self, customer_id: UUID, complaint_id: UUID, *, is_open: bool) -> None:
        kept = _with(audience.c.complaint_ids, literal(complaint_id, Uuid), present=is_open)
        await self._keep(customer_id, complaint_ids=kept)

    async def holds(self, customer_id: UUID, kinds: Sequence[str]) -> None:
        await self._keep(customer_id, kinds=list(kinds))

    async def scores(self, customer_id: UUID, value_group: str, assets: Decimal) -> None:
        await self._keep(customer_id, value_group=value_group, assets=assets)

    async def candidates(self, campaign: Campaign, limit: int) -> tuple[list[Candidate], UUID | None]:
        """Whom its segment holds of the unit's tree, among the next so many customers whoever they are.

        Whoever registered so lately that the directory has not heard of them yet is of no unit's tree, and of no
        segment. Returns them, and the last that was looked at; None behind the last of all. A segment that holds hardly
        anybody is so looked at in steps of one length, too.
        """
        a = audience.c
        after = campaign.selected_up_to or UUID(int=0)
        ids = select(a.customer_id).where(a.customer_id > after).order_by(a.customer_id).limit(limit)
        looked_at = (await self._uow.session.execute(ids)).scalars().all()
        at_home = (home.c.org_unit_id == customers.c.home_unit_id) & home.c.path.startswith(units.c.path)
        wanted = (
            select(a.customer_id, customers.c.status, a.channels, func.cardinality(a.complaint_ids).label("open"))
            .join(customers, customers.c.customer_id == a.customer_id)
            .join(units, units.c.org_unit_id == campaign.org_unit_id)
            .join(home, at_home)
            .where(_in_segment(campaign.segment), customers.c.canonical_id == customers.c.customer_id)
            .where(self._uow.scope.customers(a.customer_id), a.customer_id.in_(looked_at))
        )
        rows = await self._uow.session.execute(wanted.order_by(a.customer_id))
        found = [
            Candidate(
                customer_id=row.customer_id,
                is_active=row.status == "active",
                channels=frozenset(row.channels),
                open_complaints=row.open,
            )
            for row in rows
        ]
        return found, looked_at[-1] if len(looked_at) == limit else None

    async def _keep(self, customer_id: UUID, **kept: object) -> None:
        a = audience.c
        theirs = (a.customer_id == customer_id) & self._uow.scope.customers(a.customer_id)
        keep = audience.update().where(theirs).values(**kept).returning(a.customer_id)
        if (await self._uow.session.execute(keep)).first() is None:
            await self.welcome(customer_id)
            await self._uow.session.execute(keep)


def _with(column: ColumnElement[object], one: ColumnElement[object], *, present: bool) -> ColumnElement[object]:
    """The array with one in it once, or not at all: a repeated event changes nothing."""
    without = func.array_remove(column, one)
    return func.array_append(without, one) if present else without


def _in_segment(segment: Segment) -> ColumnElement[bool]:
    a = audience.c
    asked: list[ColumnElement[bool]] = [true()]
    if segment.holds:
        asked.append(a.kinds.contains(list(segment.holds)))
    if segment.lacks:
        asked.append(~a.kinds.overlap(list(segment.lacks)))
    if segment.value_groups:
        asked.append(a.value_group.in_(segment.value_groups))
    if segment.assets_from is not None:
        asked.append(a.assets >= segment.assets_from)
    return and_(*asked)
