"""What waits in the manager database for a timer."""

from libs.common.queues import due, queue_of
from services.manager.domain.roles import LOOKS_AFTER

QUEUES = {
    "customers": queue_of(f"""
        SELECT uuid_extract_timestamp(customer_id) AS since FROM known_customers WHERE waiting AND home_unit_id IN
            (SELECT unnest(unit_ids) FROM staff WHERE left_at IS NULL AND roles @> ARRAY['{LOOKS_AFTER}'])
    """),  # noqa: S608 - a role of ours
    "tasks": due("tasks", "due_at", "fell_due_at IS NULL AND status = 'open'"),
    "waiting_tasks": queue_of("""
        SELECT greatest(w.opened_at, a.started_at) AS since FROM waiting_tasks AS w
        JOIN assignments AS a ON a.customer_id = w.customer_id AND a.role = 'main' AND a.ended_at IS NULL
        JOIN staff AS s ON s.id = a.staff_id AND s.left_at IS NULL
    """),
    "access_grants": due("access_grants", "ends_at", "ended_at IS NULL"),
}
"""Customers wait for a manager where one works, since they were registered; tasks for their customer's."""
