"""When the newest record was made that a reader has read."""

from libs.common.migrations import run_script

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_script("libs.common", "0006_newest.sql")
