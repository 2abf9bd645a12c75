from datetime import UTC, date, datetime

import pytest

from libs.common.clock import day_of


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 3, 2, 15, 59, tzinfo=UTC), date(2026, 3, 2)),
        (datetime(2026, 3, 2, 16, 0, tzinfo=UTC), date(2026, 3, 3)),
    ],
)
def test_a_day_begins_in_shanghai(moment: datetime, day: date) -> None:
    assert day_of(moment) == day
