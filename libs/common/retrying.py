"""Dead letters that a person asks to be tried again: each in a transaction of its own, and not behind later ones."""

import asyncio
import base64
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import text

from libs.common.caller import Scope
from libs.common.database import Database, Heard, UnitOfWork
from libs.common.domain import Conflict
from libs.common.encryption import FieldCipher
from libs.common.hearing import Subscription, Told
from libs.common.logs import where

log = structlog.get_logger()

PAUSE_SECONDS = 1.0
NEXT = text("""
    SELECT id, topic, type, subject, sequence, event_id, source, payload, out_of_order FROM dead_letters
    WHERE asked_at IS NOT NULL AND handled_at IS NULL ORDER BY asked_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
""")
LATER = text("SELECT 1 FROM inbox WHERE subject = :subject AND sequence > :sequence LIMIT 1")
HANDLED = text("UPDATE dead_letters SET handled_at = now(), asked_at = NULL, attempts = attempts + 1 WHERE id = :id")
REMEMBERED = text("UPDATE inbox SET subject = :subject, sequence = :sequence WHERE event_id = :event_id")
FAILED = text("UPDATE dead_letters SET asked_at = NULL, attempts = attempts + 1, cause = :cause WHERE id = :id")


class HandledLater(Conflict):
    """What came after it was handled already: handled now, it would undo what is newer."""


@dataclass(frozen=True)
class Retries:
    database: Database
    subscription: Subscription
    scope: Scope
    cipher: FieldCipher

    async def run(self) -> None:
        while True:
            if not await self.try_one():
                await asyncio.sleep(PAUSE_SECONDS)

    async def try_one(self) -> bool:
        """Handle the letter that was asked for first; False where none was. One that fails again says why."""
        letter: Any = None
        try:
            async with self.database.unit_of_work(self.scope) as uow:
                letter = (await uow.session.execute(NEXT)).mappings().one_or_none()
                if letter is not None:
                    await self._handle(uow, letter)
        except Exception as error:
            if letter is None:
                raise
            log.warning("dead letter fails again", cause=type(error).__name__, at=where(error))
            async with self.database.unit_of_work(self.scope) as uow:
                await uow.session.execute(FAILED, {"id": letter["id"], "cause": type(error).__name__})
        return letter is not None

    async def _handle(self, uow: UnitOfWork, letter: Any) -> None:
        type_ = self.subscription.type_of(letter["topic"], letter["type"])
        place = {"subject": letter["subject"], "sequence": letter["sequence"]}
        in_order = type_ in self.subscription.free_of_order or letter["out_of_order"]
        if not in_order and (await uow.session.execute(LATER, place)).first() is not None:
            raise HandledLater("A later event of the same subject was handled.")
        content = self.cipher.decrypt(letter["payload"], table="dead_letters", column="payload", row=letter["id"])
        event = self.subscription.decode(type_, base64.b64decode(content))
        known = letter["event_id"] is not None
        heard = Heard.by(letter["source"], letter["event_id"], letter["sequence"]) if known else None
        await self.subscription.tell(uow, type_, [Told(event, heard)])
        await uow.session.execute(REMEMBERED, {**place, "event_id": letter["event_id"]})
        await uow.session.execute(HANDLED, {"id": letter["id"]})
