"""The first tables."""

from libs.common.migrations import run_script

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_script("libs.common", "0001_chassis.sql")
    run_script("libs.directory", "0001_directory.sql")
    run_script("services.marketing.storage", "migrations/0001_begin.sql")
