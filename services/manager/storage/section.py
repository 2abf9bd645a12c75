"""The section `relationship` and the references of units, staff and assignments: one statement each."""

from collections.abc import Iterable
from uuid import UUID

from libs.common.domain import DomainEvent
from libs.common.publication import Publication, customers_of
from libs.contracts.manager import (
    ASSIGNMENT_REFERENCE,
    ORG_UNIT_REFERENCE,
    SECTION,
    STAFF_REFERENCE,
    AccessEvent,
    AssignmentEvent,
    OrgUnitEvent,
    StaffEvent,
)

RELATIONSHIP = """
    SELECT k.key, json_build_object(
        'staff', json_build_object('managers', coalesce(json_agg(json_build_object(
            'staff_id', s.id, 'name', s.name, 'line', a.line, 'role', a.role, 'since', a.started_at,
            'rule', a.rule, 'reason', a.reason) ORDER BY a.id) FILTER (WHERE a.id IS NOT NULL), '[]'),
            'tasks', coalesce((SELECT json_agg(json_build_object('task_id', t.id, 'kind', t.kind,
                'staff_id', t.staff_id, 'due_at', t.due_at) ORDER BY t.due_at, t.id)
                FROM (SELECT * FROM tasks WHERE customer_id = k.key AND status = 'open'
                      ORDER BY due_at, id LIMIT 20) AS t), '[]')),
        'self', json_build_object('managers', coalesce(json_agg(json_build_object(
            'name', s.name, 'line', a.line, 'role', a.role) ORDER BY a.id) FILTER (WHERE a.id IS NOT NULL), '[]'))
        )::text
    FROM unnest($1::uuid[]) AS k (key)
    LEFT JOIN (assignments AS a JOIN staff AS s ON s.id = a.staff_id)
        ON a.customer_id = k.key AND a.ended_at IS NULL
    GROUP BY k.key
"""

ASSIGNMENTS = """
    SELECT customer_id, json_build_object('assigned', json_agg(json_build_object(
        'staff_id', staff_id, 'line', line, 'role', role) ORDER BY id))::text
    FROM assignments WHERE customer_id = ANY($1::uuid[]) AND ended_at IS NULL GROUP BY customer_id
"""

ORG_UNITS = """
    SELECT id, json_build_object('code', code, 'name', name, 'kind', kind, 'parent_id', parent_id, 'path', path)::text
    FROM org_units WHERE id = ANY($1::uuid[])
"""

STAFF = """
    SELECT s.id, json_build_object('unit_ids', s.unit_ids, 'roles', s.roles, 'logins', s.logins,
        'grants', g.customer_ids, 'walls', w.customer_ids, 'active', s.left_at IS NULL)::text
    FROM staff AS s
    CROSS JOIN LATERAL (
        SELECT coalesce(json_agg(DISTINCT customer_id), '[]') AS customer_ids
        FROM access_grants WHERE staff_id = s.id AND ended_at IS NULL) AS g
    CROSS JOIN LATERAL (
        SELECT coalesce(json_agg(customer_id), '[]') AS customer_ids
        FROM ethical_walls WHERE staff_id = s.id AND lifted_at IS NULL) AS w
    WHERE s.id = ANY($1::uuid[])
"""


def assigned_customers(event: DomainEvent) -> Iterable[UUID]:
    return event.customers() if isinstance(event, AssignmentEvent) else ()


def org_units_of(event: DomainEvent) -> Iterable[UUID]:
    return (event.org_unit_id,) if isinstance(event, OrgUnitEvent) else ()


def staff_of(event: DomainEvent) -> Iterable[UUID]:
    return (event.staff_id,) if isinstance(event, (StaffEvent, AccessEvent)) else ()


PUBLICATIONS = (
    Publication(topic=SECTION, permission="sections:relationship", keys=customers_of, query=RELATIONSHIP),
    Publication(
        topic=ASSIGNMENT_REFERENCE, keys=assigned_customers, query=ASSIGNMENTS, rests_on=("crm.customer.events.v1",)
    ),
    Publication(topic=ORG_UNIT_REFERENCE, keys=org_units_of, query=ORG_UNITS, rests_on=()),
    Publication(topic=STAFF_REFERENCE, keys=staff_of, query=STAFF, rests_on=()),
)
