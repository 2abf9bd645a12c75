from dataclasses import dataclass

SECONDS = 3.0
"""How long anything may take to answer."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `advice` says what to do, where something is wrong."""

    subject: str
    well: bool
    says: str
    advice: str = ""
