"""How two customers belong together."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.common.domain import Aggregate, Conflict, InvalidValue
from libs.contracts.customer import CustomerRelationAdded, CustomerRelationEnded, CustomerRelationEvent


class RelationKind(StrEnum):
    """What `related_id` is to `customer_id`."""

    SPOUSE = "spouse"
    PARENT = "parent"
    CHILD = "child"
    SIBLING = "sibling"
    HOUSEHOLD_MEMBER = "household_member"


INVERSE = {kind: kind for kind in RelationKind} | {
    RelationKind.PARENT: RelationKind.CHILD,
    RelationKind.CHILD: RelationKind.PARENT,
}
"""What the customer is to the related one."""


@dataclass(kw_only=True, eq=False)
class Relation(Aggregate):
    customer_id: UUID
    related_id: UUID
    kind: RelationKind
    added_at: datetime
    ended_at: datetime | None = None

    def add(self) -> None:
        """Raises InvalidValue for a customer related to themselves."""
        if self.customer_id == self.related_id:
            raise InvalidValue("related_id", "Nobody is related to themselves.")
        self._tell(CustomerRelationAdded, self.added_at)

    def end(self, *, at: datetime) -> None:
        if self.ended_at is not None:
            raise Conflict("This relation has ended already.")
        self.ended_at = at
        self._tell(CustomerRelationEnded, at)

    def _tell(self, event: type[CustomerRelationEvent], at: datetime) -> None:
        told = event(
            occurred_at=at,
            relation_id=self.id,
            customer_id=self.customer_id,
            related_id=self.related_id,
            kind=self.kind.value,
        )
        self.record(told)
