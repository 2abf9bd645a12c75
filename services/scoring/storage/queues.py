"""What waits in the scoring database for a timer."""

from libs.common.queues import TODAY, began, queue_of
from services.scoring.domain.contribution import ValueGroup
from services.scoring.domain.score import ASLEEP_AFTER

DAYS = ASLEEP_AFTER.days
IN_FORCE = f"""
    SELECT id, {began("effective_from")} AS since FROM contribution_policies
    WHERE effective_from <= {TODAY} ORDER BY effective_from DESC LIMIT 1
"""  # noqa: S608 - the only things put in are constants

QUEUES = {
    "scores": queue_of(f"""
        SELECT p.since FROM ({IN_FORCE}) AS p JOIN scores AS s ON s.policy_id < p.id OR s.policy_id > p.id
        UNION ALL
        SELECT {began(f"last_initiated_on + {DAYS}")} FROM scores
        WHERE value_group <> '{ValueGroup.SLEEPING}' AND last_initiated_on <= {TODAY} - {DAYS}
    """),  # noqa: S608 - the only things put in are constants
    "rankings": queue_of("""
        SELECT r.ranked_at AS since FROM rankings AS r JOIN scores AS s ON s.id > r.placed_up_to
    """),
}
"""To be reckoned anew, by another policy or asleep since; and those that the newest fifths were not held against."""
