"""Handlers that are told many events at once: as many as came in a row, each once, and one that fails goes alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from aiokafka import ConsumerRecord
from sqlalchemy import text

from libs.common.database import UnitOfWork
from libs.common.domain import Conflict
from libs.common.encryption import FieldCipher
from libs.common.hearing import Subscription, Told
from libs.common.keyring import KeyRing
from libs.common.retrying import Retries
from libs.directory.scope import SystemScope
from tests.libs.common.flow import effects_on, hear, sent
from tests.libs.common.probe import EVENTS, Probe, ThingTouched

FOREIGN = "core.things.v1"


@dataclass
class Together:
    """Has its effect on all that it is told at once, and refuses them together where one is poison."""

    probe: Probe
    poison: set[str] = field(default_factory=set)
    calls: list[int] = field(default_factory=list)

    async def handle(self, uow: UnitOfWork, told: Sequence[Told]) -> None:
        effects = [{"thing_id": event.thing_id, "note": event.note} for event, _ in told]
        await uow.session.execute(text("INSERT INTO effects (thing_id, note) VALUES (:thing_id, :note)"), effects)
        self.calls.append(len(told))
        if self.poison & {event.note for event, _ in told}:
            raise Conflict("poison")

    @property
    def subscription(self) -> Subscription:
        types = {ThingTouched.type: (ThingTouched, self.handle)}
        topics = (EVENTS.name, FOREIGN)
        return Subscription(topics, types, plain={FOREIGN: ThingTouched.type}, together={self.handle})

    async def hears(self, *records: ConsumerRecord) -> None:
        await hear(self.probe, self.subscription, *records)

    async def effects(self, thing_id: UUID) -> list[str]:
        return await effects_on(self.probe, thing_id)


async def test_what_comes_in_a_row_is_told_at_once_and_each_event_once(probe: Probe) -> None:
    thing_id, records = await sent(probe, 5)
    together = Together(probe)
    strange = replace(records[0], headers=(("ce_type", b"crm.unknown.v1"),))
    await together.hears(*records[:3], records[1], strange, *records[2:])
    assert await together.effects(thing_id) == ["0", "1", "2", "3", "4"]
    assert together.calls == [3, 2], "what nobody handles parts a run"
    await together.hears(*records)
    assert together.calls == [3, 2], "nothing is told where nothing is new"


async def test_records_without_an_id_are_told_as_often_as_they_come(probe: Probe) -> None:
    thing_id, records = await sent(probe, 2)
    together = Together(probe)
    plain = [replace(record, topic=FOREIGN, headers=()) for record in records]
    await together.hears(*plain, *plain)
    assert together.calls == [4]
    assert await together.effects(thing_id) == ["0", "1", "0", "1"]


async def test_one_that_fails_is_set_aside_alone_and_the_others_are_handled_in_order(probe: Probe) -> None:
    thing_id, records = await sent(probe, 9)
    together = Together(probe, poison={"3", "7"})
    await together.hears(*records)
    assert await together.effects(thing_id) == ["0", "1", "2", "4", "5", "6", "8"]
    async with probe.database.engine.connect() as connection:
        wanted = text("SELECT sequence, cause FROM dead_letters WHERE subject = :subject ORDER BY sequence")
        letters = (await connection.execute(wanted, {"subject": str(thing_id)})).all()
    assert [tuple(letter) for letter in letters] == [(4, "Conflict"), (8, "Conflict")]


async def test_one_that_cannot_be_read_keeps_nobody_else_back(probe: Probe) -> None:
    thing_id, records = await sent(probe, 4)
    headers = {**dict(records[1].headers), "ce_id": b"not an id"}
    broken = replace(records[1], value=b"{not json"), replace(records[2], headers=tuple(headers.items()))
    together = Together(probe)
    await together.hears(records[0], *broken, records[3])
    assert await together.effects(thing_id) == ["0", "3"]


async def test_a_dead_letter_is_tried_again_as_it_was_told(probe: Probe) -> None:
    thing_id, records = await sent(probe, 1)
    together = Together(probe, poison={"0"})
    await together.hears(*records)
    together.poison.clear()
    async with probe.database.engine.begin() as connection:
        ask = text("UPDATE dead_letters SET asked_at = now() WHERE subject = :subject")
        await connection.execute(ask, {"subject": str(thing_id)})
    cipher = FieldCipher(KeyRing.load(probe.settings.keyring))
    assert await Retries(probe.database, together.subscription, SystemScope(), cipher).try_one()
    assert await together.effects(thing_id) == ["0"]
