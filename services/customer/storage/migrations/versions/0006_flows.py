"""Transactions, what flowed and stood each day, and what of it is told."""

from libs.common.migrations import run_script

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_script("services.customer.storage", "migrations/0006_flows.sql")
