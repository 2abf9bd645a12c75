"""How far the app has read and written."""

from libs.common.migrations import run_script

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_script("libs.common", "0004_recovery.sql")
