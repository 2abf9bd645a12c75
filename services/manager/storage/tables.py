"""The manager database."""

from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, SmallInteger, Table, Text, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import registry

from libs.common.tables import chassis_tables, new_metadata, time, version, words
from services.manager.domain.access import AccessGrant, EthicalWall
from services.manager.domain.assignment import Assignment, AssignmentRole, Line, Rule
from services.manager.domain.org_unit import OrgUnit, OrgUnitKind
from services.manager.domain.staff import Staff
from services.manager.domain.task import Task, TaskStatus

metadata = new_metadata()
chassis_tables(metadata)

org_units = Table(
    "org_units",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    words("kind", OrgUnitKind),
    Column("path", Text, nullable=False, unique=True),
    Column("parent_id", Uuid, ForeignKey("org_units.id")),
)

staff = Table(
    "staff",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    Column("number", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("unit_ids", ARRAY(Uuid), nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("logins", ARRAY(Text), nullable=False),
    time("hired_at"),
    time("left_at", nullable=True),
    Index("ix_staff_unit_ids", "unit_ids", postgresql_using="gin"),
)

known_customers = Table(
    "known_customers",
    metadata,
    Column("customer_id", Uuid, primary_key=True),
    words("line", Line),
    Column("home_unit_id", Uuid),
    Column("waiting", Boolean, nullable=False),
)
Index("ix_known_customers_waiting", known_customers.c.home_unit_id, postgresql_where=known_customers.c.waiting)

assignments = Table(
    "assignments",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    Column("customer_id", Uuid, nullable=False),
    Column("staff_id", Uuid, ForeignKey("staff.id"), nullable=False),
    words("line", Line),
    words("role", AssignmentRole),
    words("rule", Rule, nullable=True),
    Column("reason", Text),
    time("started_at"),
    time("ended_at", nullable=True),
    Column("end_reason", Text),
    Index("ix_assignments_customer_id", "customer_id"),
)
_running = assignments.c.ended_at.is_(None)
Index("ix_assignments_book", assignments.c.staff_id, postgresql_where=_running)
Index(
    "uq_assignments_one_main",
    assignments.c.customer_id,
    assignments.c.line,
    unique=True,
    postgresql_where=_running & (assignments.c.role == "main"),
)

access_grants = Table(
    "access_grants",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    Column("customer_id", Uuid, nullable=False),
    Column("staff_id", Uuid, ForeignKey("staff.id"), nullable=False),
    Column("reason", Text, nullable=False),
    time("given_at"),
    time("ends_at"),
    time("ended_at", nullable=True),
    Column("end_reason", Text),
    Index("ix_access_grants_customer_id", "customer_id"),
)
_lasting = access_grants.c.ended_at.is_(None)
Index("ix_access_grants_lasting", access_grants.c.staff_id, postgresql_where=_lasting)
Index("ix_access_grants_ends_at", access_grants.c.ends_at, postgresql_where=_lasting)

ethical_walls = Table(
    "ethical_walls",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    Column("customer_id", Uuid, nullable=False),
    Column("staff_id", Uuid, ForeignKey("staff.id"), nullable=False),
    Column("reason", Text, nullable=False),
    time("raised_at"),
    time("lifted_at", nullable=True),
    Column("lift_reason", Text),
    Index("ix_ethical_walls_customer_id", "customer_id"),
)
Index(
    "uq_ethical_walls_standing",
    ethical_walls.c.staff_id,
    ethical_walls.c.customer_id,
    unique=True,
    postgresql_where=ethical_walls.c.lifted_at.is_(None),
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    Column("customer_id", Uuid, nullable=False, index=True),
    Column("staff_id", Uuid, ForeignKey("staff.id"), nullable=False),
    Column("kind", Text, nullable=False),
    time("due_at"),
    time("opened_at"),
    Column("note", Text),
    Column("rule", Text),
    Column("cause_id", Uuid),
    words("status", TaskStatus),
    time("fell_due_at", nullable=True),
    time("ended_at", nullable=True),
    Column("outcome", Text),
    UniqueConstraint("cause_id", "rule"),
    Index("ix_tasks_staff_id", "staff_id", "status"),
)
_to_fall_due = tasks.c.fell_due_at.is_(None) & (tasks.c.status == TaskStatus.OPEN.value)
Index("ix_tasks_to_fall_due", tasks.c.due_at, postgresql_where=_to_fall_due)

waiting_tasks = Table(
    "waiting_tasks",
    metadata,
    Column("cause_id", Uuid, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("customer_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    time("opened_at"),
    time("due_at"),
    Index("ix_waiting_tasks_due_at", "due_at"),
)

occasions = Table(
    "occasions",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("effective_from", Date, primary_key=True),
    Column("effective_to", Date),
    Column("kind", Text, nullable=False),
    Column("days", SmallInteger, nullable=False),
)

mapping = registry(metadata=metadata)
for aggregate, table in (
    (OrgUnit, org_units),
    (Staff, staff),
    (Assignment, assignments),
    (AccessGrant, access_grants),
    (EthicalWall, ethical_walls),
    (Task, tasks),
):
    mapping.map_imperatively(aggregate, table, version_id_col=table.c.version, version_id_generator=False)
