"""A campaign's moves, its segment, and the first reason for which somebody is left out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from libs.common.domain import InvalidValue, MoveNotAllowed
from services.marketing.domain.campaign import Campaign
from services.marketing.domain.member import Candidate, Suppression
from services.marketing.domain.segment import Segment

NOW = datetime(2026, 3, 10, 4, tzinfo=UTC)
AUTHOR, OTHER = uuid4(), uuid4()


@pytest.mark.parametrize(
    ("is_active", "channels", "complaints", "reason"),
    [
        (True, {"sms"}, 0, None),
        (True, {"sms"}, 1, Suppression.OPEN_COMPLAINT),
        (True, {"email"}, 1, Suppression.NO_CONSENT),
        (True, set(), 0, Suppression.NO_CONSENT),
        (False, set(), 1, Suppression.NO_CONSENT),
        (False, {"sms"}, 1, Suppression.OPEN_COMPLAINT),
        (False, {"sms"}, 0, Suppression.NOT_ACTIVE),
    ],
)
def test_the_first_reason_that_holds_is_kept(
    channels: set[str], complaints: int, reason: Suppression | None, *, is_active: bool
) -> None:
    candidate = Candidate(
        customer_id=uuid4(), is_active=is_active, channels=frozenset(channels), open_complaints=complaints
    )
    assert candidate.suppressed_from("sms") is reason


def test_nobody_both_holds_and_lacks() -> None:
    with pytest.raises(InvalidValue, match="loan"):
        Segment(holds=("loan", "fund"), lacks=("loan",)).check()
    Segment(holds=("loan",), lacks=("fund",)).check()


def drafted() -> Campaign:
    return Campaign(
        id=uuid4(),
        org_unit_id=uuid4(),
        code="c",
        name="n",
        channel="sms",
        product_id=None,
        segment=Segment(),
        message="m",
        author_id=AUTHOR,
        drafted_at=NOW,
    )


def move(campaign: Campaign, name: str) -> None:
    by = {"by": OTHER} if name in ("approve", "reject") else {}
    getattr(campaign, name)(at=NOW, **by)


MAY = {
    (): {"submit", "cancel"},
    ("submit",): {"approve", "reject", "cancel"},
    ("submit", "reject"): set(),
    ("submit", "approve"): {"start", "cancel"},
    ("submit", "approve", "start"): {"finish", "cancel"},
    ("submit", "approve", "start", "finish"): set(),
    ("submit", "approve", "start", "cancel"): set(),
}


@pytest.mark.parametrize(("moves", "may"), MAY.items())
def test_a_campaign_makes_no_other_move(moves: Sequence[str], may: set[str]) -> None:
    for name in ("submit", "approve", "reject", "start", "finish", "cancel"):
        campaign = drafted()
        for before in moves:
            move(campaign, before)
        version = campaign.version
        if name in may:
            move(campaign, name)
            assert campaign.version == version + 1
        else:
            with pytest.raises(MoveNotAllowed):
                move(campaign, name)
            assert campaign.version == version
