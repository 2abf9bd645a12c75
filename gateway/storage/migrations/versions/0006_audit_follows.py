"""Entries of the audit trail that follow another."""

from libs.common.migrations import run_script

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_script("gateway.storage", "migrations/0006_audit_follows.sql")
