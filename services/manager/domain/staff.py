"""Staff: where they work, in which roles, and by which logins they sign in."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from libs.common.domain import Aggregate, Conflict, InvalidValue
from libs.common.logins import SignsIn
from libs.contracts.manager import StaffHired, StaffUpdated
from services.manager.domain.roles import LOOKS_AFTER, ROLES


@dataclass(kw_only=True, eq=False)
class Staff(SignsIn, Aggregate):
    number: str
    name: str
    unit_ids: list[UUID]
    roles: list[str]
    logins: list[str] = field(default_factory=list)
    hired_at: datetime
    left_at: datetime | None = None

    @property
    def looks_after_customers(self) -> bool:
        return LOOKS_AFTER in self.roles and self.left_at is None

    def hire(self) -> None:
        _check_roles(self.roles)
        self.record(
            StaffHired(
                occurred_at=self.hired_at, staff_id=self.id, unit_ids=list(self.unit_ids), roles=list(self.roles)
            )
        )

    def change_roles(self, roles: list[str], *, at: datetime) -> None:
        _check_roles(roles)
        self.roles = sorted(set(roles))
        self._updated("roles", at=at)

    def move(self, unit_ids: list[UUID], *, at: datetime) -> None:
        self.unit_ids = list(dict.fromkeys(unit_ids))
        self._updated("unit_ids", at=at)

    def leave(self, *, at: datetime) -> None:
        if self.left_at is not None:
            raise Conflict("They have left already.")
        self.left_at = at
        self._updated("left_at", at=at)

    def _updated(self, what: str, *, at: datetime) -> None:
        self.record(StaffUpdated(occurred_at=at, staff_id=self.id, changed=[what]))


def _check_roles(roles: list[str]) -> None:
    if unknown := set(roles) - ROLES:
        raise InvalidValue("roles", f"Unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(ROLES))}.")
