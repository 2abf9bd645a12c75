"""When each partition was last read to its end."""

from libs.common.migrations import run_script

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_script("libs.common", "0007_progress.sql")
