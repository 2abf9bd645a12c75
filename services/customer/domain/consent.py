"""What a customer agreed to: given and taken back by themselves alone, one as easily as the other (PIPL art. 15)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.common.domain import Aggregate, Conflict
from libs.contracts.customer import ConsentGranted, ConsentWithdrawn


class Purpose(StrEnum):
    """What for. Sharing with a third party needs a separate consent that names it (PIPL art. 23)."""

    THIRD_PARTY_SHARING = "third_party_sharing"


@dataclass(kw_only=True, eq=False)
class Consent(Aggregate):
    customer_id: UUID
    purpose: Purpose
    party: str
    text_version: str
    granted_at: datetime
    withdrawn_at: datetime | None = None

    def grant(self) -> None:
        self.record(
            ConsentGranted(
                occurred_at=self.granted_at,
                consent_id=self.id,
                customer_id=self.customer_id,
                purpose=self.purpose.value,
                party=self.party,
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
            )
        )
