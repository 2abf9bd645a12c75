"""What a session of ours does beside SQLAlchemy's: it stores what its aggregates recorded, or it changes nothing.

At commit, in this order: the aggregates; the publication marks of every key that the events dirty, the answer under the
command's key, the outbox; what rests on the marks.
"""

from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session, UOWTransaction

from libs.common.committing import tell
from libs.common.domain import Aggregate, DomainEvent


class RecordingSession(Session):
    """A session that stores what its aggregates recorded."""


class ReadingSession(Session):
    """A session that changes nothing: each statement is a transaction of its own, with no round trips around it."""

    def execute(self, statement: Any, *args: Any, **options: Any) -> Any:
        if getattr(statement, "is_dml", False):
            raise RuntimeError("a query changes nothing: open a command's unit of work")
        return super().execute(statement, *args, **options)


@event.listens_for(RecordingSession, "before_flush")
def _collect(session: Session, _context: UOWTransaction, _instances: Any) -> None:
    # At flush, not at commit: the identity map is weak, and an aggregate dropped in between takes its events along.
    changed = [instance for instance in (*session.new, *session.dirty) if isinstance(instance, Aggregate)]
    recorded = sorted(one for aggregate in changed for one in aggregate.take_events())
    session.info["events"].extend((event, version) for _, event, version in recorded)


@event.listens_for(RecordingSession, "before_commit")
def _publish(session: Session) -> None:
    if session.in_nested_transaction():
        return
    session.flush()
    events: list[tuple[DomainEvent, int]] = session.info["events"]
    keys = set(session.info["extra_marks"])
    for find in session.info["before_marks"]:
        keys.update(find(session))
    for publication in session.info["publications"]:
        for happened, _ in events:
            keys.update((publication.stream, key) for key in publication.keys(happened))
    session.info["marks"] = tell(session, keys, session.info["answer"], events)
    for store in session.info["at_commit"]:
        store(session)
