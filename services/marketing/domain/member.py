"""Whom a campaign's segment holds: told, or left out for a reason that is kept."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from libs.common.domain import Aggregate
from libs.contracts.marketing import CampaignChannel, CampaignMemberQueued, CampaignMemberSuppressed


class MemberStatus(StrEnum):
    QUEUED = "queued"
    SUPPRESSED = "suppressed"


class Suppression(StrEnum):
    """Why somebody is left out, in the order in which reasons are looked for: what the law asks comes first."""

    NO_CONSENT = "no_consent"
    OPEN_COMPLAINT = "open_complaint"
    NOT_ACTIVE = "not_active"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What is known of somebody when the campaign looks at them. `channels` are those they consent to."""

    customer_id: UUID
    is_active: bool
    channels: frozenset[str]
    open_complaints: int

    def suppressed_from(self, channel: CampaignChannel) -> Suppression | None:
        """The first reason that holds (PIPL art. 24: nobody is sent what they did not agree to)."""
        if channel not in self.channels:
            return Suppression.NO_CONSENT
        if self.open_complaints:
            return Suppression.OPEN_COMPLAINT
        return None if self.is_active else Suppression.NOT_ACTIVE


@dataclass(kw_only=True, eq=False)
class CampaignMember(Aggregate):
    campaign_id: UUID
    customer_id: UUID
    channel: CampaignChannel
    selected_at: datetime
    status: MemberStatus = MemberStatus.QUEUED
    reason: Suppression | None = None

    def select(self, candidate: Candidate) -> None:
        """Queue them, or leave them out."""
        self.reason = candidate.suppressed_from(self.channel)
        told: dict[str, Any] = {
            "occurred_at": self.selected_at,
            "campaign_member_id": self.id,
            "campaign_id": self.campaign_id,
            "customer_id": self.customer_id,
            "channel": self.channel,
        }
        if self.reason is None:
            self.record(CampaignMemberQueued(**told))
        else:
            self.status = MemberStatus.SUPPRESSED
            self.record(CampaignMemberSuppressed(**told, reason=self.reason.value))
