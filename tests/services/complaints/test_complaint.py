from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import uuid4

import pytest

from libs.common.domain import MoveNotAllowed, after
from libs.common.ids import new_id
from libs.contracts.complaints import ComplaintDeadlineWarned, ComplaintReplied
from services.complaints.domain.complaint import Channel, Complaint
from services.complaints.domain.deadlines import due_at, end_of_day_after, warnings
from services.complaints.domain.moves import MOVES, Move, Status

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # noon in Shanghai

ALLOWED = {
    (Status.RECEIVED, Move.ACCEPT): Status.ACCEPTED,
    (Status.ACCEPTED, Move.ASSIGN): Status.ASSIGNED,
    (Status.ASSIGNED, Move.ASSIGN): Status.ASSIGNED,
    (Status.ASSIGNED, Move.REPLY): Status.REPLIED,
    (Status.REPLIED, Move.CLOSE): Status.CLOSED,
}


@pytest.mark.parametrize(("status", "move"), list(product(Status, Move)))
def test_every_state_times_every_move(status: Status, move: Move) -> None:
    if (status, move) in ALLOWED:
        assert after(MOVES, move, status) is ALLOWED[status, move]
        return
    with pytest.raises(MoveNotAllowed) as refused:
        after(MOVES, move, status)
    assert refused.value.allowed == sorted(m for s, m in ALLOWED if s is status)


def test_the_table_names_every_move() -> None:
    assert set(MOVES) == set(Move)


def received(at: datetime = NOON) -> Complaint:
    complaint = Complaint(
        id=new_id(),
        customer_id=uuid4(),
        number="C1",
        regimes=["nfra"],
        channel=Channel.COUNTER,
        business="bank_card",
        cause="service_attitude",
        facts="The queue was too long.",
        received_at=at,
        reply_due_at=due_at(at, [15]),
    )
    complaint.receive([new_id() for _ in range(3)])
    return complaint


def test_the_clock_counts_calendar_days_to_the_end_of_the_last_day_in_shanghai() -> None:
    assert end_of_day_after(NOON, 15) == datetime(2026, 3, 17, 16, 0, tzinfo=UTC)
    before_midnight, after_midnight = datetime(2026, 3, 2, 15, 59, tzinfo=UTC), datetime(2026, 3, 2, 16, 1, tzinfo=UTC)
    assert end_of_day_after(after_midnight, 15) - end_of_day_after(before_midnight, 15) == timedelta(days=1)


def test_the_earliest_of_several_deadlines_wins() -> None:
    assert due_at(NOON, [60, 15, 30]) == end_of_day_after(NOON, 15)


def test_warnings_come_at_half_at_four_fifths_and_at_the_end() -> None:
    due = NOON + timedelta(days=10)
    assert warnings(NOON, due) == [(50, NOON + timedelta(days=5)), (80, NOON + timedelta(days=8)), (100, due)]


def test_a_reply_says_whether_it_was_on_time() -> None:
    for late in (False, True):
        complaint = received()
        complaint.accept(at=NOON)
        complaint.assign(uuid4(), at=NOON)
        complaint.reply("Sorry.", Channel.PHONE, at=complaint.reply_due_at + timedelta(seconds=late))
        _, event, version = complaint.take_events()[-1]
        assert isinstance(event, ComplaintReplied)
        assert event.on_time is not late
        assert version == complaint.version == 4


def test_a_replied_complaint_stays_silent() -> None:
    complaint = received()
    complaint.warn(complaint.warnings[0], at=NOON)
    complaint.accept(at=NOON)
    complaint.assign(uuid4(), at=NOON)
    complaint.reply("Sorry.", Channel.PHONE, at=NOON)
    complaint.warn(complaint.warnings[1], at=NOON)
    told = [event for _, event, _ in complaint.take_events() if isinstance(event, ComplaintDeadlineWarned)]
    assert [event.threshold for event in told] == [50]
