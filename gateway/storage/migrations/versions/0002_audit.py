"""The audit trail: the gateway's own, and its copy of everybody's."""

from libs.common.migrations import run_script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_script("libs.common", "0002_audit.sql")
    run_script("gateway.storage", "migrations/0002_audit.sql")
