"""What customers begin at a branch, by its day."""

from libs.common.migrations import run_script

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    run_script("services.customer.storage", "migrations/0014_branch_contacts.sql")
