"""What is taken and shown of relations and of the timeline."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field

from libs.common.schemas import Body, View
from services.customer.domain.relation import RelationKind


class NewRelation(Body):
    customer_id: UUID
    related_id: UUID
    kind: Annotated[RelationKind, Field(description="What the related one is to the customer.")]


class RelationView(View):
    customer_id: UUID
    related_id: UUID
    kind: RelationKind
    added_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, relation: Any) -> Self:
        """From an aggregate or from a row of the list."""
        return cls(**{name: getattr(relation, name) for name in cls.model_fields})


class InteractionView(View):
    """One event as one customer's: `id` is the event's, `version` its place among those of its `subject`.

    `facts` are what the event said besides.
    """

    customer_id: UUID
    service: str
    type: str
    subject: UUID
    occurred_at: datetime
    facts: dict[str, Any]

    @classmethod
    def of(cls, row: Any) -> Self:
        return cls(**{name: getattr(row, name) for name in cls.model_fields})
