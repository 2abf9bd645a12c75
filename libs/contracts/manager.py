"""What the manager service tells the world."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal
from uuid import UUID

from libs.common.domain import DomainEvent
from libs.common.topics import Topic

EVENTS = Topic(name="crm.manager.events.v1")
SECTION = Topic(name="crm.section.manager.v1", cleanup="compact", retention=timedelta(days=7))
ORG_UNIT_REFERENCE = Topic(name="crm.reference.org_unit.v1", cleanup="compact", retention=timedelta(days=7))
STAFF_REFERENCE = Topic(name="crm.reference.staff.v1", cleanup="compact", retention=timedelta(days=7))
ASSIGNMENT_REFERENCE = Topic(name="crm.reference.assignment.v1", cleanup="compact", retention=timedelta(days=7))

OrgUnitKind = Literal["head_office", "branch", "sub_branch", "team"]
BusinessLine = Literal["retail", "corporate"]
AssignmentRole = Literal["main", "assistant", "cover"]
AssignmentRule = Literal["smallest_book"]
TaskRule = Literal["complaint_received", "grade_watched", "grade_upgraded"]


@dataclass(frozen=True, kw_only=True)
class OrgUnitEvent(DomainEvent):
    """Something happened to an organisation unit."""

    org_unit_id: UUID

    @property
    def subject(self) -> UUID:
        return self.org_unit_id


@dataclass(frozen=True, kw_only=True)
class OrgUnitOpened(OrgUnitEvent):
    """A unit joined the tree."""

    type: ClassVar[str] = "crm.org_unit.opened.v1"
    code: str
    kind: OrgUnitKind
    parent_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class StaffEvent(DomainEvent):
    """Something happened to a member of staff."""

    staff_id: UUID

    @property
    def subject(self) -> UUID:
        return self.staff_id


@dataclass(frozen=True, kw_only=True)
class StaffHired(StaffEvent):
    """A member of staff joined."""

    type: ClassVar[str] = "crm.staff.hired.v1"
    unit_ids: list[UUID]
    roles: list[str]


@dataclass(frozen=True, kw_only=True)
class StaffUpdated(StaffEvent):
    """Units, roles or logins of a member of staff changed; `changed` names which."""

    type: ClassVar[str] = "crm.staff.updated.v1"
    changed: list[str]


@dataclass(frozen=True, kw_only=True)
class AssignmentEvent(DomainEvent):
    """A customer's assignment to a member of staff began or ended."""

    assignment_id: UUID
    customer_id: UUID
    staff_id: UUID
    line: BusinessLine
    role: AssignmentRole

    @property
    def subject(self) -> UUID:
        return self.assignment_id

    def customers(self) -> Iterable[UUID]:
        return (self.customer_id,)


@dataclass(frozen=True, kw_only=True)
class AssignmentStarted(AssignmentEvent):
    """A member of staff looks after a customer from now on; `rule` is null where a person decided it."""

    type: ClassVar[str] = "crm.assignment.started.v1"
    rule: AssignmentRule | None


@dataclass(frozen=True, kw_only=True)
class AssignmentEnded(AssignmentEvent):
    """A member of staff no longer looks after a customer."""

    type: ClassVar[str] = "crm.assignment.ended.v1"


@dataclass(frozen=True, kw_only=True)
class AccessEvent(DomainEvent):
    """Whether a member of staff may see a customer changed."""

    customer_id: UUID
    staff_id: UUID

    def customers(self) -> Iterable[UUID]:
        return (self.customer_id,)


@dataclass(frozen=True, kw_only=True)
class AccessGrantEvent(AccessEvent):
    """A participant's access to a customer began or ended."""

    access_grant_id: UUID

    @property
    def subject(self) -> UUID:
        return self.access_grant_id


@dataclass(frozen=True, kw_only=True)
class AccessGrantGiven(AccessGrantEvent):
    """A member of staff takes part in a customer's business, until `ends_at` at most."""

    type: ClassVar[str] = "crm.access_grant.given.v1"
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class AccessGrantEnded(AccessGrantEvent):
    """A grant was taken back, or lapsed."""

    type: ClassVar[str] = "crm.access_grant.ended.v1"


@dataclass(frozen=True, kw_only=True)
class EthicalWallEvent(AccessEvent):
    """A wall between a member of staff and a customer was raised or lifted."""

    ethical_wall_id: UUID

    @property
    def subject(self) -> UUID:
        return self.ethical_wall_id


@dataclass(frozen=True, kw_only=True)
class EthicalWallRaised(EthicalWallEvent):
    """From now on a member of staff sees nothing of a customer, whatever else would let them."""

    type: ClassVar[str] = "crm.ethical_wall.raised.v1"


@dataclass(frozen=True, kw_only=True)
class EthicalWallLifted(EthicalWallEvent):
    """The wall stands no longer."""

    type: ClassVar[str] = "crm.ethical_wall.lifted.v1"


@dataclass(frozen=True, kw_only=True)
class TaskEvent(DomainEvent):
    """Something that a member of staff has to do for a customer. `kind` is the bank's own word."""

    task_id: UUID
    customer_id: UUID
    staff_id: UUID
    kind: str
    due_at: datetime

    @property
    def subject(self) -> UUID:
        return self.task_id

    def customers(self) -> Iterable[UUID]:
        return (self.customer_id,)


@dataclass(frozen=True, kw_only=True)
class TaskOpened(TaskEvent):
    """`rule` says by what; null where a person opened it."""

    type: ClassVar[str] = "crm.task.opened.v1"
    rule: TaskRule | None


@dataclass(frozen=True, kw_only=True)
class TaskFellDue(TaskEvent):
    """Its time has come, and it is not done."""

    type: ClassVar[str] = "crm.task.fell_due.v1"


@dataclass(frozen=True, kw_only=True)
class TaskCompleted(TaskEvent):
    """It was done; `on_time` by when it was due."""

    type: ClassVar[str] = "crm.task.completed.v1"
    on_time: bool


@dataclass(frozen=True, kw_only=True)
class TaskCancelled(TaskEvent):
    """Nobody has to do it any more."""

    type: ClassVar[str] = "crm.task.cancelled.v1"


ALL: tuple[type[DomainEvent], ...] = (
    OrgUnitOpened, StaffHired, StaffUpdated, AssignmentStarted, AssignmentEnded,
    AccessGrantGiven, AccessGrantEnded, EthicalWallRaised, EthicalWallLifted,
    TaskOpened, TaskFellDue, TaskCompleted, TaskCancelled,
)  # fmt: skip
