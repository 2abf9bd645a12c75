"""Events that the chassis of any service records: they tell of its work, and so stand on no topic of its business."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from libs.common.domain import DomainEvent
from libs.common.topics import DEAD_LETTERS


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


APART = {DeadLetterRaised.type: DEAD_LETTERS.name}
"""Type of event → where it goes instead of to the topic of the service's events."""
