"""What a contact at a branch costs."""

from libs.common.migrations import run_script

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_script("services.scoring.storage", "migrations/0007_branch_contacts.sql")
