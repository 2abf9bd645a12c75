"""The statutory clock: calendar days, to the end of the last day in Shanghai, never paused.

银行业保险业消费投诉处理管理办法 (银保监会令2020年第3号): 15 days from receipt where the facts are clear.
金融消费者权益保护实施办法 (人民银行令2020年第5号): 15 days likewise. The earliest deadline wins.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from libs.common.clock import SHANGHAI, day_of

STATUTORY = "statutory"
THRESHOLDS = (50, 80, 100)


def end_of_day_after(received_at: datetime, days: int) -> datetime:
    """The end of the `days`-th calendar day after receipt: the next midnight in Shanghai, as UTC."""
    last_day = day_of(received_at) + timedelta(days=days)
    return datetime.combine(last_day + timedelta(days=1), time(), SHANGHAI).astimezone(UTC)


def due_at(received_at: datetime, days_by_regime: Iterable[int]) -> datetime:
    """The earliest deadline over the regimes that apply."""
    return min(end_of_day_after(received_at, days) for days in days_by_regime)


def warnings(started_at: datetime, due: datetime) -> list[tuple[int, datetime]]:
    """When each threshold, in per cent of the time allowed, is reached."""
    return [(percent, started_at + (due - started_at) * percent / 100) for percent in THRESHOLDS]
