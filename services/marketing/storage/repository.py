"""Products and campaigns as aggregates, within the unit of work's scope."""

from uuid import UUID

from sqlalchemy import select

from libs.common.database import UnitOfWork
from libs.common.domain import NotFound
from libs.common.driver import ASKED, ByScope
from services.marketing.domain.campaign import Campaign, Status
from services.marketing.domain.member import CampaignMember
from services.marketing.domain.product import Product
from services.marketing.storage.tables import campaign_members, campaigns


class ProductRepository:
    """The bank's own, alike for every customer."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, product: Product) -> None:
        self._uow.session.add(product)

    async def get(self, product_id: UUID) -> Product:
        product = await self._uow.session.get(Product, product_id)
        if product is None:
            raise NotFound.thing("product")
        return product

    async def get_for_change(self, product_id: UUID) -> Product:
        product = await self.get(product_id)
        self._uow.check_version(product)
        return product


_CAMPAIGN = ByScope(lambda scope: select(Campaign).where(campaigns.c.id == ASKED, scope.units(campaigns.c.org_unit_id)))


class CampaignRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, campaign: Campaign) -> None:
        self._uow.session.add(campaign)

    async def get(self, campaign_id: UUID) -> Campaign:
        found = await self._uow.session.execute(_CAMPAIGN.of(self._uow.scope), {"asked": campaign_id})
        campaign = found.scalar_one_or_none()
        if campaign is None:
            raise NotFound.thing("campaign")
        return campaign

    async def get_for_change(self, campaign_id: UUID) -> Campaign:
        campaign = await self.get(campaign_id)
        self._uow.check_version(campaign)
        return campaign

    async def running(self) -> Campaign | None:
        """One whose members are being selected, locked so that no other sweeper takes it."""
        c = campaigns.c
        wanted = select(Campaign).where(c.status == Status.RUNNING, self._uow.scope.units(c.org_unit_id))
        found = await self._uow.session.execute(wanted.order_by(c.id).limit(1).with_for_update(skip_locked=True))
        campaign: Campaign | None = found.scalar_one_or_none()
        return campaign


class MemberRepository:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, member: CampaignMember) -> None:
        self._uow.session.add(member)

    async def get(self, member_id: UUID) -> CampaignMember:
        within = self._uow.scope.customers(campaign_members.c.customer_id)
        found = await self._uow.session.execute(
            select(CampaignMember).where(campaign_members.c.id == member_id, within)
        )
        member = found.scalar_one_or_none()
        if member is None:
            raise NotFound.thing("campaign member")
        return member
