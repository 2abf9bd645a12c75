"""What every API takes and shows."""

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, PrivateAttr, field_validator

from libs.common.outlines import outlined


def _written_out(value: Any) -> Any:
    if not isinstance(value, str) or "T" not in value:
        raise ValueError("a time is written with its offset, as 2026-03-05T02:30:00Z")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out, json_schema_input_type=AwareDatetime)]
"""A time as callers give it. A bare number would be taken for seconds since 1970."""


def with_places(places: int) -> AfterValidator:
    """A decimal as it is stored, so that the answer to a command and a later read write it alike."""
    return AfterValidator(lambda value: value.quantize(Decimal(1).scaleb(-places)))


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
    """What the API shows of an aggregate. By its version it has an ETag.

    What is `fleeting` has none: it goes while its version stays, and is stored nowhere on its way.
    """

    model_config = ConfigDict(extra="forbid")
    fleeting: ClassVar[bool] = False

    id: UUID
    version: int
    _concerns: tuple[UUID, ...] = PrivateAttr(())
    _in_part: bool = PrivateAttr(default=False)

    def outlined(self) -> Self:
        """As roles see it that need no more of an identifier than its outline."""
        shown: Self = outlined(type(self), self)
        return shown

    @property
    def in_part(self) -> bool:
        """Whether this caller sees less of it than others do: the same version looks otherwise then."""
        return self._in_part

    @property
    def concerns(self) -> tuple[UUID, ...]:
        """The customers whose it is, for the audit."""
        own: UUID | None = getattr(self, "customer_id", None)
        return (own,) if own else self._concerns


class PlainView(View):
    """A view that names its fields as an aggregate and a row of a list name theirs."""

    @classmethod
    def of(cls, thing: Any) -> Self:
        return cls(**{name: getattr(thing, name) for name in cls.model_fields})
