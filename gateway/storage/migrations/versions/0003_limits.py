"""How often each caller asked, where replicas count together."""

from libs.common.migrations import run_script

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_script("gateway.storage", "migrations/0003_limits.sql")
