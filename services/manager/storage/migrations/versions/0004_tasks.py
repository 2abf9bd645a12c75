"""Tasks, and what opens them by itself."""

from libs.common.migrations import run_script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_script("services.manager.storage", "migrations/0004_tasks.sql")
