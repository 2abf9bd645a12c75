"""Publication marks: one row per (stream, key), never deleted, so that its version is a counter under a lock."""

from dataclasses import dataclass
from uuid import UUID

# The clock gives a restored backup higher versions than before the loss; the row gives order under its lock.
NOW_IN_MICROSECONDS = "(extract(epoch from clock_timestamp()) * 1000000)::bigint"


@dataclass(frozen=True)
class Mark:
    stream: str
    key: UUID
    version: int
