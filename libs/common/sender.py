"""What an app sends to Kafka, and how it notices a broker that forgot what it had acknowledged.

A disk that was lost, a topic that was deleted and made again, a log that was cut by an unclean election: the broker
answers from another cluster, or acknowledges a record at a place where an earlier one stood. Then the app sends again
what it still has, in a new epoch that stands in every record's header, so that readers begin anew too.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer, TopicPartition

from libs.common.connections import PATIENT
from libs.common.kafka import EPOCH, NEVER_SENT
from libs.common.marks import NOW_IN_MICROSECONDS
from libs.common.metrics import BROKER_FORGOT
from libs.common.topics import AUDIT
from libs.common.tracing import Sending, sending

log = structlog.get_logger()

AT_ONCE = 2000
NO_PLACE = -1
FIRST = UUID(int=0)

Headers = list[tuple[str, bytes]]

MET = "SELECT epoch, cluster_id FROM broker_epochs ORDER BY epoch DESC LIMIT 1"
FIRST_MET = "INSERT INTO broker_epochs VALUES (0, $1)"
NEW_EPOCH = f"""
    INSERT INTO broker_epochs
    SELECT greatest({NOW_IN_MICROSECONDS}, coalesce(max(epoch), 0) + 1), $1 FROM broker_epochs
"""  # noqa: S608 - a constant
# The cluster of that epoch is known no more: whoever leads next meets another.
FORGOT = "UPDATE broker_epochs SET cluster_id = '' WHERE epoch = $1"
ENDS = "SELECT topic, partition, next FROM topic_ends"
FORGET_ENDS = "DELETE FROM topic_ends"
WITH_ENDS = """
    WITH told AS (
        INSERT INTO topic_ends AS held SELECT * FROM unnest(${}::text[], ${}::int[], ${}::bigint[])
        WHERE ${} = (SELECT coalesce(max(epoch), 0) FROM broker_epochs)
        ON CONFLICT (topic, partition) DO UPDATE SET next = greatest(held.next, excluded.next))
"""
# In one order for everybody, as whoever changes something marks it; the versions stay: who has them misses nothing.
MARK_AGAIN = """
    WITH next AS (
        SELECT stream, key FROM publication_marks WHERE (stream, key) > ($1, $2) ORDER BY stream, key LIMIT $3
        FOR UPDATE)
    UPDATE publication_marks AS m SET dirty = true FROM next
    WHERE m.stream = next.stream AND m.key = next.key RETURNING m.stream, m.key
"""
SEND_AGAIN = """
    UPDATE outbox SET published_at = NULL WHERE id IN (
        SELECT id FROM outbox WHERE published_at IS NOT NULL LIMIT $1)
"""
SHIP_AGAIN = "UPDATE audit_chains SET shipped = 0, done = false WHERE begun_at > now() - $1::interval"


class BrokerForgot(Exception):
    """It acknowledged a record where an earlier one stood: send nothing more before all is sent again."""


class Record(NamedTuple):
    """`traceparent` is of whoever caused it; without a `partition` it goes to that of its key."""

    topic: str
    value: bytes | None
    key: bytes
    headers: Headers
    traceparent: str | None = None
    partition: int | None = None


@dataclass
class Sender:
    """Sends during one term of leadership. `ends` is where each partition ended, by what the database knows of it."""

    producer: AIOKafkaProducer
    epoch: int = 0
    ends: dict[TopicPartition, int] = field(default_factory=dict)
    memory: "Memory | None" = None
    forgot: bool = False
    _reached: dict[TopicPartition, int] = field(default_factory=dict)

    async def send(self, *records: Record) -> None:
        """Send them, and raise the first failure of any. As `send_each`."""
        for failure in await self.send_each(records):
            if failure is not None:
                raise failure

    async def send_each(self, records: Sequence[Record]) -> list[BaseException | None]:
        """Send records in their order and wait until all are acknowledged. Returns what failed of each, or None.

        BrokerForgot is the failure of one that stands where an earlier one stood. What keeps one from being begun, and
        is no fault of its own, is the failure of all behind it: each would wait for as long.
        """
        begun: list[tuple[asyncio.Future[Any], Sending | None]] = []
        for record in records:
            begun.append(await self._begin(record))
            if _keeps_all(begun[-1][0]):
                break
        told = await asyncio.gather(*[acknowledgement for acknowledgement, _ in begun], return_exceptions=True)
        failures = [self._failure(each) for each in told]
        for (_, on_its_way), failure in zip(begun, failures, strict=True):
            if on_its_way is not None:
                on_its_way.end(failure)
        if any(isinstance(failure, BrokerForgot) for failure in failures):
            await self._say_that_it_forgot()
        return failures + failures[-1:] * (len(records) - len(failures))

    async def _begin(self, record: Record) -> tuple[asyncio.Future[Any], Sending | None]:
        """By no task of its own: five hundred of them cost more than the records do."""
        topic, value, key, headers, traceparent, partition = record
        if self.epoch:
            headers = [*headers, (EPOCH, str(self.epoch).encode())]
        on_its_way = sending(topic, traceparent)
        if on_its_way is not None:
            headers = [*headers, ("traceparent", on_its_way.header.encode())]
        try:
            return await self.producer.send(topic, value, key=key, partition=partition, headers=headers), on_its_way
        except Exception as error:  # noqa: BLE001 - told as what failed of it
            refused = asyncio.get_running_loop().create_future()
            refused.set_exception(error)
            return refused, on_its_way

    def _failure(self, told: Any) -> BaseException | None:
        if isinstance(told, BaseException):
            return told
        part, place = told.topic_partition, told.offset
        # A repeat that the broker dropped has no place of its own.
        if told.log_start_offset != NO_PLACE and 0 <= place < self.ends.get(part, 0):
            return BrokerForgot()
        self._reached[part] = max(self._reached.get(part, 0), place + 1)
        return None

    async def store(self, connection: Any, statement: str, *arguments: Any) -> None:
        """Execute what stores that records are sent, and by the same statement where their partitions end now.

        Not without it: what is said to be sent must be missed where it is lost.
        """
        reached, self._reached = {} if self.forgot else self._reached, {}
        ends = [(*part, end) for part, end in sorted(reached.items())]  # in one order for all that this app sends
        columns = [[end[column] for end in ends] for column in range(3)]
        await connection.execute(_with_ends(statement, len(arguments)), *arguments, *columns, self.epoch)
        for part, end in reached.items():
            self.ends[part] = max(self.ends.get(part, 0), end)

    async def _say_that_it_forgot(self) -> None:
        """In the database, once: another process may lead next."""
        if self.forgot:
            return
        self.forgot = True
        if self.memory is not None:
            await self.memory.forget(self.epoch)

    async def partitions_for(self, topic: str) -> Collection[int]:
        found: Collection[int] = await self.producer.partitions_for(topic)
        return found


def _keeps_all(acknowledgement: asyncio.Future[Any]) -> bool:
    failure = acknowledgement.exception() if acknowledgement.done() else None
    return failure is not None and not isinstance(failure, NEVER_SENT)


@cache
def _with_ends(statement: str, arguments: int) -> str:
    return WITH_ENDS.format(*range(arguments + 1, arguments + 5)) + statement


@dataclass
class Memory:
    """What one app's database knows of the broker. `events` is True for an app that records any."""

    dsn: str
    events: bool

    async def forget(self, epoch: int) -> None:
        connection = await asyncpg.connect(self.dsn, timeout=5)
        try:
            await connection.execute(FORGOT, epoch)
        finally:
            connection.terminate()

    async def new_sender(self, producer: AIOKafkaProducer, cluster_id: str) -> Sender:
        """For a term that begins; where the broker forgot, or is another, all is first made to be sent again."""
        connection = await asyncpg.connect(self.dsn, timeout=5, server_settings=PATIENT)
        try:
            met = await connection.fetchrow(MET)
            if met is None:
                await connection.execute(FIRST_MET, cluster_id)
            elif met["cluster_id"] != cluster_id:
                await self._send_all_again(connection, cluster_id)
            epoch = (await connection.fetchrow(MET))["epoch"]
            rows = await connection.fetch(ENDS)
        finally:
            connection.terminate()
        ends = {TopicPartition(row["topic"], row["partition"]): row["next"] for row in rows}
        return Sender(producer, epoch, ends, self)

    async def _send_all_again(self, connection: Any, cluster_id: str) -> None:
        """In parts, so that nobody waits long; the epoch last: what ends before it is done again."""
        BROKER_FORGOT.inc()
        log.error("the broker forgot what it was sent: all of it is sent again", cluster_id=cluster_id)
        if self.events:
            last: Sequence[Any] = ("", FIRST)
            while marked := await connection.fetch(MARK_AGAIN, *last, AT_ONCE):
                last = max((row["stream"], row["key"]) for row in marked)
            while await connection.execute(SEND_AGAIN, AT_ONCE) != "UPDATE 0":
                pass
        await connection.execute(SHIP_AGAIN, AUDIT.retention)
        async with connection.transaction():
            await connection.execute(FORGET_ENDS)
            await connection.execute(NEW_EPOCH, cluster_id)
