"""Identifiers found by their last four characters; a blind index says by which key, which was the first until now.

The worker makes the new indexes of what is there already.
"""

from libs.common.migrations import run_script

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_script("services.customer.storage", "migrations/0005_last_four.sql")
