from datetime import datetime

from libs.common.database import UnitOfWork
from libs.common.ids import new_id
from services.marketing.domain.campaign import Campaign
from services.marketing.domain.member import CampaignMember, Candidate
from services.marketing.domain.product import ProductStatus
from services.marketing.storage.audience import AudienceRepository
from services.marketing.storage.repository import CampaignRepository, MemberRepository, ProductRepository

AT_ONCE = 500
WITHDRAWN = ProductStatus.WITHDRAWN


async def select_members(uow: UnitOfWork, now: datetime) -> int:
    """Look at the next customers for a running campaign, and finish it behind the last; returns at how many.

    A campaign whose product was withdrawn under way ends there.
    """
    campaign = await CampaignRepository(uow).running()
    if campaign is None:
        return 0
    if campaign.product_id and (await ProductRepository(uow).get(campaign.product_id)).status is WITHDRAWN:
        campaign.cancel(at=now)
        return 1
    candidates, up_to = await AudienceRepository(uow).candidates(campaign, AT_ONCE)
    for candidate in candidates:
        _select(uow, campaign, candidate, now)
    if up_to is None:
        campaign.finish(at=now)
    else:
        campaign.selected_up_to = up_to
    return AT_ONCE


def _select(uow: UnitOfWork, campaign: Campaign, candidate: Candidate, now: datetime) -> None:
    member = CampaignMember(
        id=new_id(),
        campaign_id=campaign.id,
        customer_id=candidate.customer_id,
        channel=campaign.channel,
        selected_at=now,
    )
    member.select(candidate)
    MemberRepository(uow).add(member)
    campaign.count(member)
