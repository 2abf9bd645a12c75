"""The trace by which a document changed."""

from libs.common.migrations import run_script

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_script("libs.common", "0005_traces.sql")
