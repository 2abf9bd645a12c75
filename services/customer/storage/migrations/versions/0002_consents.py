"""Consents."""

from libs.common.migrations import run_script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_script("services.customer.storage", "migrations/0002_consents.sql")
