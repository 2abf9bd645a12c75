"""What a customer agreed to: given and taken back by themselves alone, one as easily as the other (PIPL art. 15)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.common.domain import Aggregate, Conflict, InvalidValue
from libs.contracts.customer import ConsentGranted, ConsentWithdrawn, MarketingChannel

BANK = "bank"
"""The party of a consent to the bank itself. No partner bears this code."""


class Purpose(StrEnum):
    """What for. Sharing with a third party needs a separate consent that names it (PIPL art. 23).

    To marketing by the bank itself a customer agrees channel by channel, or not at all (art. 24).
    """

    THIRD_PARTY_SHARING = "third_party_sharing"
    MARKETING = "marketing"


@dataclass(kw_only=True, eq=False)
class Consent(Aggregate):
    customer_id: UUID
    purpose: Purpose
    party: str
    text_version: str
    granted_at: datetime
    channel: MarketingChannel | None = None
    withdrawn_at: datetime | None = None

    def grant(self) -> None:
        """Raises InvalidValue where it says too much or too little of what it is for."""
        is_marketing = self.purpose is Purpose.MARKETING
        if is_marketing != (self.channel is not None):
            raise InvalidValue("channel", "A consent to marketing names a channel, and no other does.")
        if is_marketing != (self.party == BANK):
            raise InvalidValue("party", "A consent to marketing is to the bank itself; any other names its partner.")
        self.record(
            ConsentGranted(
                occurred_at=self.granted_at,
                consent_id=self.id,
                customer_id=self.customer_id,
                purpose=self.purpose.value,
                party=self.party,
                channel=self.channel,
                text_version=self.text_version,
            )
        )

    def withdraw(self, *, at: datetime) -> None:
        if self.withdrawn_at is not None:
            raise Conflict("This consent is withdrawn already.")
        self.withdrawn_at = at
        self.record(
            ConsentWithdrawn(
                occurred_at=at,
                consent_id=self.id,
                customer_id=self.customer_id,
                purpose=self.purpose.value,
                party=self.party,
                channel=self.channel,
            )
        )
