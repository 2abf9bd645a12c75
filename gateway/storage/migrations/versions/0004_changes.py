"""What changed in the view, in the order of commits, for those who follow customers live."""

from libs.common.migrations import run_script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_script("gateway.storage", "migrations/0004_changes.sql")
