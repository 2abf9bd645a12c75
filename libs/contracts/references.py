"""References: what is true now, for the other services. One document per key in a compacted topic."""

from dataclasses import dataclass
from uuid import UUID

from libs.contracts.customer import CustomerKind
from libs.contracts.manager import AssignmentRole, BusinessLine, OrgUnitKind


@dataclass(frozen=True, kw_only=True)
class CustomerReference:
    """`crm.reference.customer.v1`, keyed by customer. `logins` are `issuer subject`."""

    status: str
    kind: CustomerKind
    home_unit_id: UUID | None
    grade: str | None
    canonical_id: UUID
    partner_consents: list[str]
    logins: list[str]


@dataclass(frozen=True, kw_only=True)
class Assigned:
    """One member of staff who looks after a customer."""

    staff_id: UUID
    line: BusinessLine
    role: AssignmentRole


@dataclass(frozen=True, kw_only=True)
class AssignmentReference:
    """`crm.reference.assignment.v1`, keyed by customer: the whole list as it stands."""

    assigned: list[Assigned]


@dataclass(frozen=True, kw_only=True)
class OrgUnitReference:
    """`crm.reference.org_unit.v1`, keyed by unit. `path` is `/top/…/unit/`, of ids."""

    code: str
    name: str
    kind: OrgUnitKind
    parent_id: UUID | None
    path: str


@dataclass(frozen=True, kw_only=True)
class StaffReference:
    """`crm.reference.staff.v1`, keyed by staff. `grants` and `walls` name customers; `logins` are `issuer subject`."""

    unit_ids: list[UUID]
    roles: list[str]
    logins: list[str]
    grants: list[UUID]
    walls: list[UUID]
    active: bool


@dataclass(frozen=True, kw_only=True)
class CaseReference:
    """`crm.reference.case.v1`, keyed by customer: who handles an open complaint of theirs."""

    handler_ids: list[UUID]
