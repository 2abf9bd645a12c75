"""How customers are related and graded, and their timeline."""

from libs.common.migrations import run_script

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_script("services.customer.storage", "migrations/0008_histories.sql")
