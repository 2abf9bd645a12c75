from datetime import datetime

from libs.common.database import UnitOfWork
from libs.common.ids import new_id
from services.marketing.domain.campaign import Campaign
from services.marketing.domain.member import CampaignMember, Candidate
from services.marketing.storage.audience import AudienceRepository
from services.marketing.storage.repository import CampaignRepository, MemberRepository

AT_ONCE = 200


async def select_members(uow: UnitOfWork, now: datetime) -> int:
    """Look at the next of a running campaign's segment, and finish it behind the last; returns at how many."""
    campaign = await CampaignRepository(uow).running()
    if campaign is None:
        return 0
    candidates = await AudienceRepository(uow).candidates(campaign, AT_ONCE)
    for candidate in candidates:
        _select(uow, campaign, candidate, now)
    if len(candidates) < AT_ONCE:
        campaign.finish(at=now)
    return max(len(candidates), 1)


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
