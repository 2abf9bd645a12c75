"""What the chassis asks about whoever calls; `libs/directory` answers."""

from typing import Any, Literal, Protocol, Self
from uuid import UUID

from sqlalchemy import ColumnElement

from libs.common.authentication import Principal

Variant = Literal["staff", "self"]


class Scope(Protocol):
    """Which rows a unit of work may touch. Every query and repository method applies one."""

    @property
    def outlines(self) -> bool:
        """Whether the caller sees no more of an identifier than its outline."""

    @property
    def unit_ids(self) -> tuple[UUID, ...]:
        """The organisation units that the caller works for: within reach, whatever their role."""

    def without_grants(self) -> Self:
        """What the caller reaches by role alone: whoever was let in lets nobody else in."""

    def customers(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """A condition on a customer id."""

    def units(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """A condition on an organisation unit id."""

    def partners(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """A condition on a partner's name."""


class Caller(Protocol):
    @property
    def id(self) -> str:
        """Stable name of the caller, for keys and logs; no personal data."""

    @property
    def staff_id(self) -> UUID | None: ...

    @property
    def unit_ids(self) -> tuple[UUID, ...]:
        """The organisation units that a member of staff works for."""

    @property
    def own_customer_ids(self) -> tuple[UUID, ...]:
        """Whom a customer's login stands for: themselves, and perhaps their firm."""

    @property
    def partner(self) -> str | None:
        """The name under which customers consent to a partner."""

    @property
    def variant(self) -> Variant:
        """Which of a section's two documents the caller may see."""

    @property
    def must_give_reasons(self) -> bool:
        """True for those who may look, but only with a reason in every request."""

    def may(self, permission: str) -> bool: ...

    def scope(self, *, change: bool) -> Scope: ...


class Authority(Protocol):
    async def caller(self, principal: Principal, *, fresh: bool) -> Caller:
        """Who this is and what they may do now. `fresh` bypasses the short cache.

        Raises:
            AuthorityStale: the directory has not been heard from for too long.
            Forbidden: nobody is known by this login.
        """
