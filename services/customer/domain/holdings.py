"""When a customer's holdings are told: soon after a change, once a day at most, and when a month's averages stand."""

from datetime import UTC, date, datetime, time, timedelta

from libs.common.clock import SHANGHAI, day_of

SETTLES = timedelta(seconds=10)
"""So long more of what belongs together may come: an account, and what was booked on it."""
WINDOWS = (30, 90)
"""Days of the flows that are told, the longest last."""


def tomorrow(now: datetime) -> datetime:
    """The next midnight in Shanghai, as UTC."""
    return _midnight(day_of(now) + timedelta(days=1))


def next_month(now: datetime) -> datetime:
    """The first midnight of the next month in Shanghai, as UTC: then a month's average is whole."""
    return _midnight((day_of(now).replace(day=1) + timedelta(days=32)).replace(day=1))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)
