"""A group's records, read from where its own database says that it has come.

Kafka and the database part when one of them loses something. The database is right: where it has come less far than
the group (a backup was restored, a person asked for a replay), the reader goes back. Where a record says by a newer
epoch that its topic was sent again (`libs.common.sender`), the partition is read from its start. What is read twice is
harmless: events have the inbox, copies their versions, the audit trail its keys.

A log that was lost begins with what was under way at that moment, ahead of all that is sent again. Who reads in order
leaves that out: it comes again, in its place, in the new epoch, which a record in every partition announces.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError

from libs.common.assignments import Assignments
from libs.common.held import LASTING, HeldConnection, durably
from libs.common.kafka import commit_offsets, epoch_of, new_consumer
from libs.common.lag import Lag
from libs.common.settings import Settings

log = structlog.get_logger()

FETCH_MILLISECONDS = 500
ANSWERED_WITHIN = 60.0
"""Seconds in which the client comes back with something, even where Kafka is away; else a new one takes over.

After a rebalance it may be stuck for ever, while its heartbeat keeps its partitions (aiokafka#1154).
"""
LEAVE_SECONDS = 10.0
IDLE_SECONDS = 0.1
GLANCE_SECONDS = 1.0
"""So often the database is asked whether somebody set a place back, and Kafka is told how far the group has come.

Both need not be known at once: the database is right, and what is read twice is harmless. Who reads in order looks
each time.
"""
OURS = "crm."
"""How topics begin whose records say their epoch."""

POSITIONS = "SELECT topic, partition, next, epoch, newest FROM reader_positions WHERE reader = $1"
BEGIN = "INSERT INTO reader_positions VALUES ($1, $2, $3, 0, 0, 0) ON CONFLICT DO NOTHING"
BEGIN_AGAIN = """
    UPDATE reader_positions SET next = 0, epoch = $4, newest = 0 WHERE reader = $1 AND topic = $2 AND partition = $3
"""
# Whoever set a position back meanwhile, or read on in our place, is not overwritten.
ADVANCE = """
    UPDATE reader_positions AS p SET next = told.next, newest = greatest(p.newest, told.newest)
    FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[])
        AS told (topic, partition, held, next, newest)
    WHERE p.reader = $1 AND p.topic = told.topic AND p.partition = told.partition AND p.next = told.held
"""


@dataclass
class Position:
    """`newest` is when the newest record was made of those before `next`, in milliseconds as Kafka has them."""

    next: int
    epoch: int
    newest: int = 0


@dataclass
class Reader:
    """`group` is the reader's name, in Kafka and in the database; `consumer` is of that group, and not started."""

    dsn: str
    group: str
    consumer: AIOKafkaConsumer
    in_order: bool = False
    _positions: dict[TopicPartition, Position] = field(default_factory=dict)
    _assignments: Assignments = field(default_factory=Assignments)
    _placed: int | None = None
    """The assignment that `_positions` belong to."""
    _lost: set[TopicPartition] = field(default_factory=set)
    _fetched: dict[TopicPartition, tuple[int, Sequence[ConsumerRecord]]] = field(default_factory=dict)
    """What was read last, and the place of each partition before it."""
    _untold: dict[TopicPartition, int] = field(default_factory=dict)
    """Places that Kafka does not know of yet."""
    _glanced: float = 0.0
    _told: float = 0.0

    def __post_init__(self) -> None:
        self._lag = Lag(self.group, self.consumer)
        self.held = HeldConnection(self.dsn)
        self.effects = HeldConnection(self.dsn, LASTING)
        """For what is read to be stored by; its places are noted over another one, once that has happened."""

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        self.consumer.subscribe(sorted(self.consumer.subscription()), listener=self._assignments)
        try:
            await self.consumer.start()
            async with self._lag.measured(lambda: self.partitions):
                yield
        finally:
            self.held.hang_up()
            self.effects.hang_up()
            await self._leave()
            self._lag.forget(self._positions)

    async def _leave(self) -> None:
        """A member that does not leave keeps its partitions for ever, by its heartbeat."""
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await self.consumer.stop()
        except TimeoutError:
            log.error("the client did not stop: its connections are closed", reader=self.group)
            await self.consumer._client.close()  # noqa: SLF001 - there is no other way

    @property
    def partitions(self) -> Sequence[TopicPartition]:
        """Those that are ours, and read from the right place."""
        if self._assignments.current is None or self._placed != self._assignments.current:
            return []
        return [part for part in self._positions if part in self.consumer.assignment()]

    async def read(self, most: int) -> list[ConsumerRecord]:
        """The next records, `most` of them at most; none where nothing comes within a moment."""
        self._fetched = {}
        if self._assignments.current is not None and self._is_time_to_look:
            await self._follow_database()
        partitions = self.partitions
        if not partitions:
            await asyncio.sleep(IDLE_SECONDS)
            return []
        async with asyncio.timeout(ANSWERED_WITHIN):
            fetched = await self.consumer.getmany(*partitions, timeout_ms=FETCH_MILLISECONDS, max_records=most)
        if self._placed != self._assignments.current:
            return []  # they may be of another assignment, which is read from its own places
        for part, records in fetched.items():
            self._lag.take(part, records, self.end(part))
            if not await self._begins_again(part, records):
                self._fetched[part] = self._positions[part].next, self._in_their_place(part, records)
        return [record for _, records in self._fetched.values() for record in records]

    def end(self, part: TopicPartition) -> int | None:
        """Where the partition ended when it was last asked; None where it is not ours, or was not asked yet."""
        return self.consumer.highwater(part) if part in self.partitions else None

    def lost(self, part: TopicPartition) -> bool:
        """True where the log ended before what was read of it, and was not sent again so far."""
        end = self.end(part)
        ends_early = end is not None and end < self._positions[part].next
        return part.topic.startswith(OURS) and (part in self._lost or ends_early)

    @property
    def _is_time_to_look(self) -> bool:
        begun = self._placed != self._assignments.current
        return begun or self.in_order or time.monotonic() - self._glanced > GLANCE_SECONDS

    async def handled(self) -> None:
        """Say that what was read last has had its effect."""
        self._lag.handled()
        fetched, self._fetched = {part: told for part, told in self._fetched.items() if told[1]}, {}
        if fetched:
            await self._advance(fetched)
        if self._untold and time.monotonic() - self._told > GLANCE_SECONDS:
            self._told, untold, self._untold = time.monotonic(), self._untold, {}
            async with asyncio.timeout(ANSWERED_WITHIN):
                await commit_offsets(self.consumer, untold)

    async def _advance(self, fetched: Mapping[TopicPartition, tuple[int, Sequence[ConsumerRecord]]]) -> None:
        ends = {part: records[-1].offset + 1 for part, (_, records) in fetched.items()}
        topics, numbers = zip(*ends, strict=True)
        newest = [max(record.timestamp for record in records) for _, records in fetched.values()]
        told = self.group, topics, numbers, [before for before, _ in fetched.values()], list(ends.values()), newest
        await self.held.patiently(lambda connection: connection.execute(ADVANCE, *told))
        for part, end in ends.items():
            if part in self._positions:
                self._positions[part].next = end
                self._untold[part] = end

    async def _follow_database(self) -> None:
        assignment, begun = self._assignments.current, self._placed != self._assignments.current
        self._glanced = time.monotonic()
        rows = await self.held.patiently(lambda connection: connection.fetch(POSITIONS, self.group))
        stored = {TopicPartition(row["topic"], row["partition"]): Position(*row[2:]) for row in rows}
        ours: dict[TopicPartition, Position] = {}
        for part in self.consumer.assignment():
            known, position = self._positions.get(part), stored.get(part)
            if position is None:
                ours[part] = await self._begin(part)
            elif begun or known is None:
                ours[part] = await self._take_up(part, position)
            else:
                ours[part] = position
                if position.next < known.next:
                    await self._go_back(part, position.next, known.next)
                elif position.next > known.next:
                    # Who had it before us ended what they were at: it goes on behind that.
                    await self._seek(part, position.next)
        self._lag.forget(self._positions.keys() - ours.keys())
        # Another, who had it meanwhile, may have found that it was sent again.
        self._lost = {p for p in self._lost if p in ours and ours[p].epoch == self._positions[p].epoch}
        self._untold = {part: place for part, place in self._untold.items() if part in ours and not begun}
        self._positions, self._placed = ours, assignment

    async def _begin(self, part: TopicPartition) -> Position:
        await self.held.patiently(lambda connection: connection.execute(BEGIN, self.group, *part))
        await self._seek(part, None)
        return Position(0, 0)

    async def _take_up(self, part: TopicPartition, position: Position) -> Position:
        """An assignment begins where the group ended, unless the database has come less far, or a step further."""
        async with asyncio.timeout(ANSWERED_WITHIN):
            committed = await self.consumer.committed(part)
        if committed is not None and position.next < committed:
            await self._go_back(part, position.next, committed)
        elif part.topic.startswith(OURS) and (committed is not None or await self._is_the_log_of(part, position)):
            await self._seek(part, position.next)
        else:
            await self._seek(part, committed)
        return position

    async def _is_the_log_of(self, part: TopicPartition, position: Position) -> bool:
        """False for a topic that was made again: its log begins with what is newer than all that was read of the first.

        Kafka forgets a group's places with the topic, and also long after the group's end; or it never heard of one.
        """
        later = (await self.consumer.offsets_for_times({part: position.newest + 1}))[part]
        first = (await self.consumer.beginning_offsets([part]))[part]
        return later is None or later.offset > first or first >= position.next

    async def _go_back(self, part: TopicPartition, place: int, from_place: int) -> None:
        told = {"reader": self.group, "topic": part.topic, "partition": part.partition}
        log.warning("the database has come less far: reading again", **told, place=place, from_place=from_place)
        first = (await self.consumer.beginning_offsets([part]))[part]
        if 0 < place < first:
            log.error("the topic has forgotten what the database has not seen", **told, records=first - place)
        await self._seek(part, place)

    async def _begins_again(self, part: TopicPartition, records: Sequence[ConsumerRecord]) -> bool:
        """True where the topic was sent again: what its log began with may never have been read."""
        epoch = max(map(epoch_of, records))
        if not part.topic.startswith(OURS) or epoch <= self._positions[part].epoch:
            return False
        log.warning("the topic was sent again", reader=self.group, topic=part.topic, partition=part.partition)
        told = (*part, epoch)
        await self.held.patiently(lambda connection: durably(connection, BEGIN_AGAIN, self.group, *told))
        self._positions[part] = Position(0, epoch)
        self._lost.discard(part)
        await self._seek(part, None)
        return True

    def _in_their_place(self, part: TopicPartition, records: Sequence[ConsumerRecord]) -> Sequence[ConsumerRecord]:
        if not self.in_order or not part.topic.startswith(OURS):
            return records
        position = self._positions[part]
        if self.lost(part) or records[0].offset < position.next:
            self._set_aside(part)
            return []
        # What an older epoch left before the first record of the newest comes again behind it.
        oldest = position.epoch if position.next == 0 else 0
        return [record for record in records if epoch_of(record) >= oldest]

    def _set_aside(self, part: TopicPartition) -> None:
        if part not in self._lost:
            told = {"reader": self.group, "topic": part.topic, "partition": part.partition}
            log.warning("the log ends before what was read of it: waiting until it is sent again", **told)
        self._lost.add(part)

    async def _seek(self, part: TopicPartition, place: int | None) -> None:
        """To the start without a place. Where the partition has moved on meanwhile, its new owner does the same."""
        with contextlib.suppress(IllegalStateError):
            if place is None:
                await self.consumer.seek_to_beginning(part)
            else:
                self.consumer.seek(part, place)


def new_reader(settings: Settings, group: str, *topics: str, in_order: bool = False) -> Reader:
    return Reader(settings.dsn, group, new_consumer(settings, *topics, group=group), in_order)
