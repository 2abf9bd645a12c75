"""Time is handed in, aware and in UTC; nothing below the edge asks for it."""

from datetime import UTC, datetime


class Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)
