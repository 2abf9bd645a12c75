"""What waits in the complaints database for a timer."""

from libs.common.queues import due

QUEUES = {"deadline_warnings": due("deadline_warnings", "due_at", "warned_at IS NULL")}
