"""What a contact at a branch costs, and what a customer pays in fees."""

from libs.common.migrations import run_script

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_script("services.scoring.storage", "migrations/0007_costs.sql")
