"""Customers registered by one request."""

from libs.common.migrations import run_script

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    run_script("services.customer.storage", "migrations/0012_batches.sql")
