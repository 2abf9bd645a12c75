"""Dead letters that are tried again."""

from libs.common.migrations import run_script

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_script("libs.common", "0003_retries.sql")
