"""How far the app has read and written."""

from libs.common.migrations import run_script

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_script("libs.common", "0004_recovery.sql")
