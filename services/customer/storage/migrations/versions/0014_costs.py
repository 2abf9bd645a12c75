"""What a customer costs and pays in fees is found without reading all that was booked."""

from libs.common.migrations import run_script

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    run_script("services.customer.storage", "migrations/0014_costs.sql")
