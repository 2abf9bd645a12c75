"""Tasks that wait until somebody is there whom they can be given to."""

from libs.common.migrations import run_script

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_script("services.manager.storage", "migrations/0009_waiting_tasks.sql")
