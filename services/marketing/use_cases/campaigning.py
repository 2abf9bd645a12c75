from datetime import datetime
from uuid import UUID

from libs.common.database import UnitOfWork
from libs.common.domain import Conflict, InvalidValue, NotFound
from libs.common.ids import new_id
from libs.contracts.marketing import CampaignChannel
from libs.directory.reading import require_unit
from services.marketing.domain.campaign import Campaign
from services.marketing.domain.product import ProductStatus
from services.marketing.domain.segment import Segment
from services.marketing.storage.repository import CampaignRepository, ProductRepository


async def draft_campaign(
    uow: UnitOfWork,
    *,
    org_unit_id: UUID,
    code: str,
    name: str,
    channel: CampaignChannel,
    product_id: UUID | None,
    segment: Segment,
    message: str,
    by: UUID,
    at: datetime,
) -> Campaign:
    """Write down what is to be told, to whom, and for which product that is on offer."""
    await require_unit(uow, org_unit_id, field="org_unit_id")
    segment.check()
    if product_id is not None:
        await _require_on_offer(uow, product_id)
    campaign = Campaign(
        id=new_id(),
        org_unit_id=org_unit_id,
        code=code,
        name=name,
        channel=channel,
        product_id=product_id,
        segment=segment,
        message=message,
        author_id=by,
        drafted_at=at,
    )
    campaign.draft()
    CampaignRepository(uow).add(campaign)
    return campaign


async def submit_campaign(uow: UnitOfWork, campaign_id: UUID, *, at: datetime) -> Campaign:
    campaign = await CampaignRepository(uow).get_for_change(campaign_id)
    campaign.submit(at=at)
    return campaign


async def approve_campaign(uow: UnitOfWork, campaign_id: UUID, *, by: UUID, at: datetime) -> Campaign:
    campaign = await CampaignRepository(uow).get_for_change(campaign_id)
    campaign.approve(by=by, at=at)
    return campaign


async def reject_campaign(uow: UnitOfWork, campaign_id: UUID, *, by: UUID, at: datetime) -> Campaign:
    campaign = await CampaignRepository(uow).get_for_change(campaign_id)
    campaign.reject(by=by, at=at)
    return campaign


async def start_campaign(uow: UnitOfWork, campaign_id: UUID, *, at: datetime) -> Campaign:
    """Begin to select its members. Raises Conflict where its product was withdrawn since."""
    campaign = await CampaignRepository(uow).get_for_change(campaign_id)
    if campaign.product_id is not None:
        product = await ProductRepository(uow).get(campaign.product_id)
        if product.status is ProductStatus.WITHDRAWN:
            raise Conflict("Its product was withdrawn.")
    campaign.start(at=at)
    return campaign


async def cancel_campaign(uow: UnitOfWork, campaign_id: UUID, *, at: datetime) -> Campaign:
    campaign = await CampaignRepository(uow).get_for_change(campaign_id)
    campaign.cancel(at=at)
    return campaign


async def _require_on_offer(uow: UnitOfWork, product_id: UUID) -> None:
    try:
        product = await ProductRepository(uow).get(product_id)
    except NotFound:
        raise InvalidValue("product_id", "There is no such product.") from None
    if product.status is ProductStatus.WITHDRAWN:
        raise InvalidValue("product_id", "This product is withdrawn.")
