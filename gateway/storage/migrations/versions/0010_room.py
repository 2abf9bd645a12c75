"""A section that changes finds room beside itself: no index is told, and the table stays as it is."""

from libs.common.migrations import run_script

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_script("gateway.storage", "migrations/0010_room.sql")
