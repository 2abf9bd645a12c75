"""An identifier shown in clear: to one member of staff, for a reason, for minutes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from libs.common.domain import Aggregate
from libs.contracts.customer import PiiRevealed

LIFETIME = timedelta(minutes=5)


class IdentifierKind(StrEnum):
    IDENTITY_DOCUMENT = "identity_document"
    CONTACT_POINT = "contact_point"
    ACCOUNT = "account"


@dataclass(kw_only=True, eq=False)
class Reveal(Aggregate):
    """That it was shown, never what. The reason is the words of whoever asked; it stays here and is in no event."""

    customer_id: UUID
    staff_id: UUID
    kind: IdentifierKind
    thing_id: UUID
    reason: str
    revealed_at: datetime
    expires_at: datetime

    def lasts(self, now: datetime) -> bool:
        return now < self.expires_at

    def happen(self) -> None:
        self.record(
            PiiRevealed(
                occurred_at=self.revealed_at,
                reveal_id=self.id,
                customer_id=self.customer_id,
                staff_id=self.staff_id,
                kind=self.kind.value,
                thing_id=self.thing_id,
                expires_at=self.expires_at,
            )
        )
