"""What the manager API takes and shows."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from libs.common.codes import Code as TaskKind
from libs.common.schemas import Body, Moment, PlainView
from libs.contracts.manager import TaskRule
from services.manager.domain.assignment import AssignmentRole, Line, Rule
from services.manager.domain.org_unit import OrgUnitKind
from services.manager.domain.task import TaskStatus

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Login = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class NewOrgUnit(Body):
    code: Code
    name: Name
    kind: OrgUnitKind
    parent_id: UUID | None = None


class NewLogin(Body):
    issuer: Login
    subject: Login


class NewStaff(Body):
    number: Code
    name: Name
    unit_ids: Annotated[list[UUID], Field(min_length=1, max_length=50)]
    roles: Annotated[list[Code], Field(min_length=1, max_length=20)]
    logins: Annotated[list[NewLogin], Field(max_length=10, default_factory=list)]


class Roles(Body):
    roles: Annotated[list[Code], Field(max_length=20)]


class Units(Body):
    unit_ids: Annotated[list[UUID], Field(min_length=1, max_length=50)]


class NewAssignment(Body):
    customer_id: UUID
    staff_id: UUID
    line: Line = Line.RETAIL
    reason: Name


class NewAccessGrant(Body):
    customer_id: UUID
    staff_id: UUID
    reason: Name
    ends_at: Moment


class NewEthicalWall(Body):
    customer_id: UUID
    staff_id: UUID
    reason: Name


class Reason(Body):
    reason: Name


class NewTask(Body):
    customer_id: UUID
    staff_id: Annotated[UUID, Field(description="Who has to do it.")]
    kind: Annotated[TaskKind, Field(description="The bank's own word, such as call_back.")]
    note: Prose | None = None
    due_at: Moment


class Outcome(Body):
    outcome: Prose


class OrgUnitView(PlainView):
    code: str
    name: str
    kind: OrgUnitKind
    parent_id: UUID | None
    path: str


class StaffView(PlainView):
    number: str
    name: str
    unit_ids: list[UUID]
    roles: list[str]
    hired_at: datetime
    left_at: datetime | None


class AssignmentView(PlainView):
    customer_id: UUID
    staff_id: UUID
    line: Line
    role: AssignmentRole
    rule: Rule | None
    reason: str | None
    started_at: datetime
    ended_at: datetime | None
    end_reason: str | None


class AccessGrantView(PlainView):
    customer_id: UUID
    staff_id: UUID
    reason: str
    given_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    end_reason: str | None


class TaskView(PlainView):
    """`rule` says what opened it by itself; `fell_due_at` when its time came and it was not done."""

    customer_id: UUID
    staff_id: UUID
    kind: str
    note: str | None
    rule: TaskRule | None
    status: TaskStatus
    opened_at: datetime
    due_at: datetime
    fell_due_at: datetime | None
    ended_at: datetime | None
    outcome: str | None


class EthicalWallView(PlainView):
    customer_id: UUID
    staff_id: UUID
    reason: str
    raised_at: datetime
    lifted_at: datetime | None
    lift_reason: str | None
