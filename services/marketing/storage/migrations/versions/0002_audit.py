"""The audit trail."""

from libs.common.migrations import run_script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_script("libs.common", "0002_audit.sql")
