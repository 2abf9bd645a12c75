"""Consent to marketing, by channel."""

from libs.common.migrations import run_script

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_script("services.customer.storage", "migrations/0007_marketing_consents.sql")
