"""The background side of every service: relay and publishers under one leader, consumer, copies, schedules."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog
from aiokafka import AIOKafkaProducer

from libs.common.audit_shipping import AuditShipper
from libs.common.caller import Scope
from libs.common.clock import Clock
from libs.common.consumer import Consumer
from libs.common.copies import Copier, Copy
from libs.common.database import Database
from libs.common.dead_letters import DeadLetters
from libs.common.encryption import FieldCipher
from libs.common.hearing import Subscription
from libs.common.housekeeping import TIDYING
from libs.common.kafka import cluster_id, group_of, new_producer
from libs.common.keyring import KeyRing
from libs.common.kms import own_ring
from libs.common.leader import Duty, Leadership, LeadershipLost, lead, leaves
from libs.common.logs import where
from libs.common.publication import Publication
from libs.common.publisher import Publisher
from libs.common.queues import AUDIT, EVENTS, Queues
from libs.common.reader import new_reader
from libs.common.reencryption import DEAD_LETTERS, Reencryption, SealedColumn
from libs.common.relay import Relay
from libs.common.retrying import Retries
from libs.common.schedules import Schedule, Sweep, run_schedule
from libs.common.sender import BrokerForgot, Memory
from libs.common.settings import Settings
from libs.common.transient import passing

log = structlog.get_logger()

RESTART_SECONDS = 1.0
STOP_SECONDS = 5.0


Part = Callable[[], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Worker:
    """What a service does when nobody asks.

    `events_topic` is None for an app that records no events; `collects` are topics that its own parts read;
    `copies` are named by the schema that holds them; `sealed` are its columns of encrypted values; `queues` are what
    else waits in its database (`libs.common.queues`). What else it does are `duties`, of the leader alone, and `parts`.
    """

    settings: Settings
    database: Database
    scope: Scope
    events_topic: str | None = None
    publications: Sequence[Publication] = ()
    subscription: Subscription = field(default_factory=lambda: Subscription((), {}))
    collects: Sequence[str] = ()
    copies: Mapping[str, Sequence[Copy]] = field(default_factory=dict)
    schedules: Sequence[Schedule] = ()
    sealed: Sequence[SealedColumn] = ()
    startup: Sequence[Sweep] = ()
    queues: Mapping[str, str] = field(default_factory=dict)
    duties: Mapping[str, Duty] = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)


async def run_worker(worker: Worker) -> None:
    """Run until cancelled. A part that fails is started again; the others go on."""
    for sweep in worker.startup:
        await _keep_trying(worker, sweep)
    parts: dict[str, Part] = {**worker.parts, "leader": partial(_lead, worker)}
    for schedule in worker.schedules:
        parts[schedule.name] = partial(_schedule, worker, schedule)
    ring = own_ring(worker.settings)  # once: whoever keeps the keys may be away when a part starts again
    parts |= {schedule.name: partial(_schedule, worker, schedule) for schedule in _chores(worker, ring)}
    if worker.subscription.topics:
        parts["consumer"] = partial(_consume, worker, ring)
        retries = Retries(worker.database, worker.subscription, worker.scope, FieldCipher(ring))
        parts["dead letters"] = retries.run
    events, hears = EVENTS if worker.events_topic else {}, (*worker.subscription.topics, *worker.collects)
    queues = {**AUDIT, **events, **worker.queues}
    parts["queues"] = Queues(worker.settings.dsn, queues, hears=hears, schemas=worker.copies).run
    for schema, copies in worker.copies.items():
        parts[f"copies of {schema}"] = partial(_copy, worker, schema, copies)
    async with asyncio.TaskGroup() as group:
        for name, part in parts.items():
            group.create_task(_keep_running(name, part))


async def _keep_trying(worker: Worker, sweep: Sweep) -> None:
    while True:
        try:
            async with worker.database.unit_of_work(worker.scope) as uow:
                await sweep(uow, Clock().now())
        except Exception as error:  # noqa: BLE001 - another process may be doing the same, or the database starts
            log.warning("start-up waits", error=type(error).__name__, at=where(error))
            await asyncio.sleep(RESTART_SECONDS)
        else:
            return


async def _keep_running(name: str, part: Part) -> None:
    while True:
        try:
            await part()
        except Exception as error:  # noqa: BLE001 - whatever it is: say so, and start that part again
            log.error("worker part failed", part=name, error=type(error).__name__, at=where(error))
        await asyncio.sleep(RESTART_SECONDS)


async def _lead(worker: Worker) -> None:
    dsn = worker.settings.dsn
    producer: AIOKafkaProducer | None = None
    memory = Memory(dsn, events=worker.events_topic is not None)

    async def duties() -> Sequence[Duty]:
        # A new producer for each term: its metadata and its idempotence begin anew after any failure.
        nonlocal producer
        await _stop(producer)
        producer = new_producer(worker.settings)
        await producer.start()
        sender = await memory.new_sender(producer, await cluster_id(worker.settings))
        consumed, source = worker.subscription.topics, f"/guanxi/{worker.settings.service}"
        publishers = [Publisher(dsn, publication, sender, source, consumed) for publication in worker.publications]
        relays = [Relay(dsn, worker.events_topic, sender).run] if worker.events_topic else []
        apart = {publisher.publication.stream: publisher.run for publisher in publishers}
        apart |= {"audit": AuditShipper(dsn, sender, source).run, **worker.duties}
        return [*relays, *(partial(_apart, name, run) for name, run in apart.items())]

    try:
        await lead(dsn, duties)
    finally:
        await _stop(producer)


async def _stop(producer: AIOKafkaProducer | None) -> None:
    """It would wait for a broker that is away for ever; what it has not sent is still in the database."""
    if producer is not None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await producer.stop()


async def _apart(name: str, run: Duty, leadership: Leadership) -> None:
    """A duty that fails by its own fault, such as its query, holds up neither the relay nor the others."""
    while True:
        try:
            await run(leadership)
        except Exception as error:
            if any(passing(each) or isinstance(each, (LeadershipLost, BrokerForgot)) for each in leaves(error)):
                raise
            log.error("duty failed", duty=name, error=type(error).__name__, at=where(error))
        await asyncio.sleep(RESTART_SECONDS)


async def _consume(worker: Worker, ring: KeyRing) -> None:
    settings = worker.settings
    dead_letters = DeadLetters(FieldCipher(ring), Clock())
    reader = new_reader(settings, group_of(settings.service), *worker.subscription.topics, in_order=True)
    await Consumer(worker.database, reader, worker.subscription, worker.scope, dead_letters).run()


async def _copy(worker: Worker, schema: str, copies: Sequence[Copy]) -> None:
    settings = worker.settings
    reader = new_reader(settings, group_of(settings.service, schema), *[copy.topic for copy in copies])
    await Copier(schema, copies, reader).run()


def _chores(worker: Worker, ring: KeyRing) -> Sequence[Schedule]:
    """What everybody who keeps such things has to do."""
    tidying = TIDYING.values() if worker.events_topic else ()
    sealed = (*worker.sealed, DEAD_LETTERS) if worker.events_topic else worker.sealed
    reencryption = Reencryption(ring, sealed)
    return [*tidying, *([Schedule("re-encryption", reencryption.sweep, pause=60.0)] if sealed else [])]


async def _schedule(worker: Worker, schedule: Schedule) -> None:
    await run_schedule(schedule, worker.database, worker.scope, Clock())
