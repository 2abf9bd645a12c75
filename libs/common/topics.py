"""Kafka topics as declared values: contracts name them, `guanxi topics apply` creates them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Topic:
    """One topic. `retention` bounds a deleted topic's age, and how long a compacted one keeps an old value."""

    name: str
    cleanup: Literal["delete", "compact"] = "delete"
    retention: timedelta = timedelta(days=21)

    @property
    def config(self) -> dict[str, str]:
        """Topic settings as Kafka names them, times in milliseconds."""
        milliseconds = str(int(self.retention.total_seconds() * 1000))
        if self.cleanup == "compact":
            return {"cleanup.policy": "compact", "max.compaction.lag.ms": milliseconds}
        return {"cleanup.policy": "delete", "retention.ms": milliseconds}


WATERMARK = "crm.watermark.advanced.v1"
"""Type of the record by which a publisher says how far a compacted topic is complete."""

EPOCH_BEGUN = "crm.epoch.begun.v1"
"""Type of the record that announces, in every partition of a topic of events, that they are sent again: ADR 0016."""

DEAD_LETTERS = Topic(name="crm.dead_letters.v1")
"""Where every service announces the records that it set aside: for the bank's operators, never for a partner."""

AUDIT = Topic(name="crm.audit.v1")
AUDIT_ENTRY, AUDIT_HEAD = "crm.audit.entry.v1", "crm.audit.head.v1"
"""Types of the records by which every app ships its audit trail. They are for the auditor, never for a partner."""
