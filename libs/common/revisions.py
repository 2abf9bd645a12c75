"""Which migration an app's code is made for: migrations are numbered in their order."""

import importlib
from pathlib import Path


class NotLetIn(Exception):
    """No PostgreSQL answers where migrations should run, or it does not know their owner."""


def migrations_of(package: str) -> Path:
    return Path(importlib.import_module(package).__path__[0]) / "storage" / "migrations"


def newest(package: str) -> str:
    """The number of the last one, such as `0012`."""
    return max(path.name.partition("_")[0] for path in (migrations_of(package) / "versions").glob("[0-9]*.py"))
