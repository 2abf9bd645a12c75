"""How far the app has read and written."""

from libs.common.migrations import run_script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_script("libs.common", "0004_recovery.sql")
