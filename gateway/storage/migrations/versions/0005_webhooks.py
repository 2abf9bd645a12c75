"""Webhooks of partners, what waits for them, and the log of what they were told."""

from libs.common.migrations import run_script

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_script("gateway.storage", "migrations/0005_webhooks.sql")
