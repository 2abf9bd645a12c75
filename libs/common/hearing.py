"""What a service listens to, and how records become calls of its handlers: each event once, whatever is sent again."""

import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any, NamedTuple
from uuid import UUID

from aiokafka import ConsumerRecord

from libs.common.database import Heard, UnitOfWork
from libs.common.dead_letters import event_id_of, sequence_of
from libs.common.driver import Statement
from libs.common.kafka import headers_of
from libs.common.metrics import CONSUMED
from libs.common.outbox import adapter
from libs.common.tracing import continue_trace, handling, tell_handled

AT_ONCE = 200
"""So many that what they take together is no long time: the consumer looks at its watch between runs."""

Handler = Callable[[UnitOfWork, Any], Awaitable[None]]

# What is sent again stays on its topic for weeks more, and is remembered from then on.
REMEMBERED = """
    INSERT INTO inbox AS known (event_id, type, subject, sequence)
    SELECT DISTINCT ON (event_id) * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[])
        AS told (event_id, type, subject, sequence)
    ON CONFLICT (event_id) DO UPDATE SET handled_at = now() WHERE known.handled_at < now() - interval '1 day'
    RETURNING event_id, old.event_id IS NULL AS is_new
"""
REMEMBER = Statement(REMEMBERED, ("ids", "types", "subjects", "sequences"), {})


class Received(NamedTuple):
    """A record, its headers as text, and the type of what it says; empty where that is not known."""

    record: ConsumerRecord
    headers: dict[str, str]
    type: str


class Told(NamedTuple):
    """An event, and what it came in; None for a record of the bank's own systems, which has no id."""

    event: Any
    heard: Heard | None


@dataclass(frozen=True)
class Subscription:
    """What a service listens to: `types` maps an event type to its dataclass and handler.

    A topic of the bank's own systems carries no CloudEvents headers: `plain` maps it to the one type that it holds.
    Such records have no id; their handlers act only on a newer sequence. `free_of_order` names types whose handlers
    come to the same whenever they act: a dead letter of them may be tried again after later ones. A handler that is
    among `together` is called with all that it was told in a row, as a sequence of `Told`; any other with one event.
    """

    topics: Sequence[str]
    types: Mapping[str, tuple[type, Handler]]
    plain: Mapping[str, str] = field(default_factory=dict)
    free_of_order: Collection[str] = ()
    together: Collection[Handler] = ()

    def received(self, record: ConsumerRecord) -> Received:
        headers = headers_of(record)
        return Received(record, headers, self.type_of(record.topic, headers.get("ce_type")))

    def type_of(self, topic: str, told: str | None) -> str:
        return told or self.plain.get(topic, "")

    def runs(self, records: Iterable[ConsumerRecord]) -> Iterator[list[Received]]:
        """As they came, those in one that one handler takes together."""
        for handler, some in groupby(map(self.received, records), lambda one: self._handler(one.type)):
            most = AT_ONCE if handler in self.together else 1
            while run := list(islice(some, most)):
                yield run

    async def hear(self, uow: UnitOfWork, run: Sequence[Received]) -> None:
        """Hand to its handler what is new of a run, and remember it; in the trace of the first."""
        if run[0].type not in self.types:
            CONSUMED.labels("skipped").inc(len(run))
            return
        continue_trace(run[0].headers.get("traceparent"))
        events = [self.decode(one.type, one.record.value) for one in run]
        new = await _new(uow, run, events)
        CONSUMED.labels("repeated").inc(len(run) - len(new))
        if not new:
            return
        began, (first, *others) = time.time_ns(), [one for one, _ in new]
        if first is not run[0]:
            continue_trace(first.headers.get("traceparent"))
        with handling(first.record.topic):
            await self.tell(uow, first.type, [told for _, told in new])
        for one in others:
            tell_handled(one.record.topic, one.headers.get("traceparent", ""), began)
        CONSUMED.labels("handled").inc(len(new))

    def decode(self, type_: str, content: bytes) -> Any:
        event_class, _ = self.types[type_]
        return adapter(event_class).validate_json(content)

    async def tell(self, uow: UnitOfWork, type_: str, told: Sequence[Told]) -> None:
        """Call the handler of this type."""
        _, handler = self.types[type_]
        if handler in self.together:
            uow.heard = None
            await handler(uow, told)
            return
        for event, heard in told:
            uow.heard = heard
            await handler(uow, event)

    def _handler(self, type_: str) -> Handler | None:
        _, handler = self.types.get(type_, (None, None))
        return handler


async def remember_ids(uow: UnitOfWork, some: Iterable[Received], *, buried: bool = False) -> set[UUID]:
    """Returns the ids that were not known; each with its place among those of its subject, unless it was not handled.

    Raises:
        ValueError: an id is none.
    """
    told = [
        (UUID(h["ce_id"]), type_, *((None, None) if buried else (h.get("ce_subject"), sequence_of(h))))
        for _, h, type_ in some
        if "ce_id" in h
    ]
    if not told:
        return set()
    ids, types, subjects, sequences = zip(*told, strict=True)
    rows = await uow.fetch(REMEMBER, ids=ids, types=types, subjects=subjects, sequences=sequences)
    return {row["event_id"] for row in rows if row["is_new"]}


async def _new(uow: UnitOfWork, run: Sequence[Received], events: Sequence[Any]) -> list[tuple[Received, Told]]:
    """Each event once, also where it came twice in this run; a record without an id as often as it came."""
    unknown, new = await remember_ids(uow, run), []
    for one, event in zip(run, events, strict=True):
        event_id = event_id_of(one.headers)
        if event_id is None:
            new.append((one, Told(event, None)))
        elif event_id in unknown:
            unknown.discard(event_id)
            heard = Heard.by(one.headers.get("ce_source"), event_id, sequence_of(one.headers))
            new.append((one, Told(event, heard)))
    return new
