"""Events that the chassis of any service sends on that service's own topic."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from libs.common.domain import DomainEvent


@dataclass(frozen=True, kw_only=True)
class DeadLetterRaised(DomainEvent):
    """A service set a record aside. The record itself stays in that service's database."""

    type: ClassVar[str] = "crm.dead_letter.raised.v1"
    dead_letter_id: UUID
    topic: str
    partition: int
    position: int
    cause: str

    @property
    def subject(self) -> UUID:
        return self.dead_letter_id
