"""The bank's tree of units. A unit's path names its ancestors, so that a subtree is one prefix."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.common.domain import Aggregate
from libs.contracts.manager import OrgUnitOpened


class OrgUnitKind(StrEnum):
    HEAD_OFFICE = "head_office"
    BRANCH = "branch"
    SUB_BRANCH = "sub_branch"
    TEAM = "team"


@dataclass(kw_only=True, eq=False)
class OrgUnit(Aggregate):
    code: str
    name: str
    kind: OrgUnitKind
    path: str
    parent_id: UUID | None = None

    def open(self, *, at: datetime) -> None:
        self.record(
            OrgUnitOpened(
                occurred_at=at,
                org_unit_id=self.id,
                code=self.code,
                kind=self.kind.value,
                parent_id=self.parent_id,
            )
        )


def path_below(parent: OrgUnit | None, unit_id: UUID) -> str:
    """`/top/…/unit/`."""
    return f"{parent.path if parent else '/'}{unit_id}/"
