"""What every API takes and shows."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PrivateAttr, field_validator


class Body(BaseModel):
    """What the API takes: a field that it does not know is an error, not a silence."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def storable(cls, value: Any) -> Any:
        if isinstance(value, str) and "\0" in value:
            raise ValueError("a text holds no NUL character")
        return value


class View(BaseModel):
    """What the API shows of an aggregate."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    version: int
    _concerns: tuple[UUID, ...] = PrivateAttr(())

    @property
    def concerns(self) -> tuple[UUID, ...]:
        """The customers whose it is, for the audit."""
        own: UUID | None = getattr(self, "customer_id", None)
        return (own,) if own else self._concerns
