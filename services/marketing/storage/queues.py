"""What waits in the marketing database for a timer."""

from libs.common.queues import oldest, over

QUEUES = {
    "campaigns": oldest("""
        SELECT c.started_at AS since FROM campaigns AS c
        JOIN audience AS a ON a.customer_id > coalesce(c.selected_up_to, '00000000-0000-0000-0000-000000000000')
        WHERE c.status = 'running'
    """),
    "points": over("points_lots", "expires_on", "remaining > 0"),
}
"""Of campaigns, customers whom a running one has not looked at."""
