"""When a campaign started."""

from libs.common.migrations import run_script

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_script("services.marketing.storage", "migrations/0007_started.sql")
