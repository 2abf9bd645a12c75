"""What the view looks like to its readers, for the documentation: the gateway itself passes ready-made bytes on."""

from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar, get_type_hints
from uuid import UUID

from pydantic import BaseModel, Field, create_model

from gateway.view.document import State
from libs.contracts.catalogue import SECTIONS

T = TypeVar("T")


class Part(BaseModel, Generic[T]):
    """One section. `data` is null where there is none to show: `missing`, `unavailable`, `forbidden`."""

    state: State
    version: int | None = Field(description="Grows with each change; null where nothing is stored.")
    changed_at: datetime | None
    as_of: datetime | None = Field(description="How far the section is known to be complete.")
    data: T | None


def _sections(variant: str) -> type[BaseModel]:
    parts: dict[str, Any] = {}
    for name, (_, shape) in SECTIONS.items():
        kind: Any = Part[get_type_hints(shape)[variant]]  # type: ignore[misc] # made from the contracts
        parts[name] = (kind, Field(default_factory=dict, description="Where it was asked for."))
    return create_model(f"{variant.capitalize()}Sections", **parts)


StaffSections, OwnSections = _sections("staff"), _sections("self")


class Customer360(BaseModel):
    """`sections` holds those that were asked for; what staff see and what customers see of themselves differ."""

    tagged: ClassVar[bool] = True
    customer_id: UUID
    sections: StaffSections | OwnSections  # type: ignore[valid-type] # as above


class OwnCustomer360(BaseModel):
    tagged: ClassVar[bool] = True
    customer_id: UUID
    sections: OwnSections  # type: ignore[valid-type] # as above


class Customers360(BaseModel):
    """`not_found` are unknown or out of scope; nobody learns which."""

    items: list[Customer360]
    not_found: list[UUID]


class OwnList(BaseModel):
    """One list of the customer's own, with the state of the section that it comes from."""

    tagged: ClassVar[bool] = True
    state: State
    as_of: datetime | None
    version: int | None = Field(description="Of the customer, for `contact-points`: what a change names in If-Match.")
    items: list[dict[str, Any]]
