"""Dead letters that are tried again."""

from libs.common.migrations import run_script

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_script("libs.common", "0003_retries.sql")
