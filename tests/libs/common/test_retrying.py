"""Dead letters tried again: once, in a transaction of their own, and not behind what is newer."""

from dataclasses import dataclass, field, replace
from uuid import UUID

import pytest
from aiokafka import ConsumerRecord
from sqlalchemy import text

from libs.common.database import Heard, UnitOfWork
from libs.common.domain import Conflict
from libs.common.encryption import FieldCipher
from libs.common.hearing import Subscription
from libs.common.keyring import KeyRing
from libs.common.retrying import Retries
from libs.directory.scope import SystemScope
from tests.libs.common.flow import effects_on, hear, sent
from tests.libs.common.probe import EVENTS, Probe, ThingTouched


@dataclass
class Mended:
    """A handler that refuses notes for as long as it is broken."""

    probe: Probe
    broken: set[str] = field(default_factory=set)
    free_of_order: bool = False
    heard: list[Heard | None] = field(default_factory=list)

    async def handle(self, uow: UnitOfWork, event: ThingTouched) -> None:
        effect = {"thing_id": event.thing_id, "note": event.note}
        await uow.session.execute(text("INSERT INTO effects (thing_id, note) VALUES (:thing_id, :note)"), effect)
        self.heard.append(uow.heard)
        if event.note in self.broken:
            raise Conflict("broken")

    @property
    def subscription(self) -> Subscription:
        free = {ThingTouched.type} if self.free_of_order else ()
        return Subscription((EVENTS.name,), {ThingTouched.type: (ThingTouched, self.handle)}, free_of_order=free)

    @property
    def cipher(self) -> FieldCipher:
        return FieldCipher(KeyRing.load(self.probe.settings.keyring))

    async def hears(self, *records: ConsumerRecord) -> None:
        await hear(self.probe, self.subscription, *records)

    async def retried(self, thing_id: UUID, *, out_of_order: bool = False) -> list[tuple[str, int, bool]]:
        """Ask for all letters of a thing; returns cause, attempts and whether it is handled, of each."""
        ask = "UPDATE dead_letters SET asked_at = now(), out_of_order = :out WHERE subject = :subject AND handled_at IS NULL"
        told = {"subject": str(thing_id), "out": out_of_order}
        async with self.probe.database.engine.begin() as connection:
            await connection.execute(text(ask), told)
        retries = Retries(self.probe.database, self.subscription, SystemScope(), self.cipher)
        while await retries.try_one():
            pass
        wanted = "SELECT cause, attempts, handled_at IS NOT NULL FROM dead_letters WHERE subject = :subject ORDER BY sequence"
        async with self.probe.database.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(wanted), {"subject": str(thing_id)})]  # type: ignore[misc] # three columns

    async def effects(self, thing_id: UUID) -> list[str]:
        return await effects_on(self.probe, thing_id)


async def test_what_is_mended_is_handled_once_and_stays_handled(probe: Probe) -> None:
    thing_id, records = await sent(probe, 2)
    mended = Mended(probe, broken={"1"})
    await mended.hears(*records)
    mended.broken.clear()
    assert await mended.retried(thing_id) == [("Conflict", 1, True)]
    assert await mended.retried(thing_id) == [("Conflict", 1, True)]
    await mended.hears(*records)
    assert await mended.effects(thing_id) == ["0", "1"]
    heard = mended.heard[-1]
    assert heard is not None
    assert (heard.service, heard.sequence) == ("probe", 2)
    assert str(heard.event_id) == dict(records[1].headers)["ce_id"].decode()


async def test_what_is_still_broken_fails_again_and_leaves_nothing(probe: Probe) -> None:
    thing_id, records = await sent(probe, 1)
    mended = Mended(probe, broken={"0"})
    await mended.hears(*records)
    assert await mended.retried(thing_id) == [("Conflict", 1, False)]
    assert await mended.retried(thing_id) == [("Conflict", 2, False)]
    assert await mended.effects(thing_id) == []


@pytest.mark.parametrize(
    ("free_of_order", "out_of_order", "effects"),
    [(False, False, ["1", "2"]), (True, False, ["1", "2", "0"]), (False, True, ["1", "2", "0"])],
)
async def test_what_is_older_is_not_handled_behind_what_is_newer(
    probe: Probe, effects: list[str], *, free_of_order: bool, out_of_order: bool
) -> None:
    thing_id, records = await sent(probe, 3)
    mended = Mended(probe, broken={"0"}, free_of_order=free_of_order)
    await mended.hears(*records)
    mended.broken.clear()
    ((cause, attempts, handled),) = await mended.retried(thing_id, out_of_order=out_of_order)
    assert (handled, attempts) == ("0" in effects, 1)
    assert handled or cause == "HandledLater"
    assert await mended.effects(thing_id) == effects


async def test_letters_of_one_subject_are_tried_in_order(probe: Probe) -> None:
    thing_id, records = await sent(probe, 3)
    mended = Mended(probe, broken={"0", "1", "2"})
    await mended.hears(*records)
    mended.broken.clear()
    assert [handled for _, _, handled in await mended.retried(thing_id)] == [True] * 3
    assert await mended.effects(thing_id) == ["0", "1", "2"]


async def test_a_record_that_no_handler_can_read_fails_again(probe: Probe) -> None:
    thing_id, records = await sent(probe, 1)
    mended = Mended(probe)
    await mended.hears(replace(records[0], value=b"{not json"))
    ((cause, _, handled),) = await mended.retried(thing_id)
    assert (cause, handled) == ("ValidationError", False)
