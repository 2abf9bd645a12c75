"""Time is handed in, aware and in UTC; nothing below the edge asks for it."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


class Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def start_of(day: date) -> datetime:
    """When a day begins in Shanghai."""
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


def day_of(moment: datetime) -> date:
    """The calendar day in Shanghai, by which banks in China count: in UTC it is yesterday's until eight."""
    return moment.astimezone(SHANGHAI).date()
