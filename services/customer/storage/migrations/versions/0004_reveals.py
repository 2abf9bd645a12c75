"""Reveals."""

from libs.common.migrations import run_script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_script("services.customer.storage", "migrations/0004_reveals.sql")
