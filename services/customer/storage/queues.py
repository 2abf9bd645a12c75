"""What waits in the customer database for a timer."""

from libs.common.queues import due, over

QUEUES = {
    "holdings": due("holdings", "due_at"),
    "bookings": """
        SELECT count(*),
            (SELECT uuid_extract_timestamp(id) FROM transactions WHERE account_id IS NULL ORDER BY id LIMIT 1)
        FROM transactions WHERE account_id IS NULL
    """,
    "flow_windows": over("holdings", "flows_until"),
    "grades": due("holdings", "grade_due_at"),
}
"""Bookings wait for their account."""
