"""The trace by which a document changed."""

from libs.common.migrations import run_script

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_script("libs.common", "0005_traces.sql")
