"""What waits in the marketing database for a timer."""

from libs.common.queues import over, queue_of

QUEUES = {
    "campaigns": queue_of("""
        SELECT c.started_at AS since FROM campaigns AS c
        JOIN audience AS a ON c.selected_up_to IS NULL OR a.customer_id > c.selected_up_to
        WHERE c.status = 'running'
    """),
    "points": over("points_lots", "expires_on", "remaining > 0"),
}
"""Of campaigns, customers whom a running one has not looked at."""
