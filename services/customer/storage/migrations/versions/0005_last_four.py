"""Identifiers found by their last four characters. The worker makes the indexes of those that are there already."""

from libs.common.migrations import run_script

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_script("services.customer.storage", "migrations/0005_last_four.sql")
