"""Dead letters: records that cannot be handled, kept encrypted for a person, announced without their payload."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from aiokafka import ConsumerRecord
from sqlalchemy import text

from libs.common.announcements import DeadLetterRaised
from libs.common.clock import Clock
from libs.common.database import UnitOfWork
from libs.common.encryption import FieldCipher
from libs.common.ids import new_id
from libs.common.metrics import DEAD_LETTERS

INSERT = text("""
    INSERT INTO dead_letters (id, topic, partition, position, type, subject, sequence, event_id, source, cause, payload)
    VALUES (:id, :topic, :partition, :position, :type, :subject, :sequence, :event_id, :source, :cause, :payload)
""")
LARGEST, LONGEST = 2**63, 200
"""What the columns take of a record's own words: a sequence, and characters of a header."""


def sequence_of(headers: Mapping[str, str]) -> int | None:
    """An event's place among those of its subject; None for a record that has none, or none that fits."""
    told = headers.get("ce_sequence", "")[:LONGEST]
    return int(told) if told.isdecimal() and int(told) < LARGEST else None


def event_id_of(headers: Mapping[str, str]) -> UUID | None:
    try:
        return UUID(headers.get("ce_id", ""))
    except ValueError:
        return None


@dataclass(frozen=True)
class DeadLetters:
    cipher: FieldCipher
    clock: Clock

    async def raise_one(
        self, uow: UnitOfWork, record: ConsumerRecord, headers: dict[str, str], cause: Exception
    ) -> None:
        letter = DeadLetterRaised(
            occurred_at=self.clock.now(),
            dead_letter_id=new_id(),
            topic=record.topic,
            partition=record.partition,
            position=record.offset,
            cause=type(cause).__name__,
        )
        content = base64.b64encode(record.value or b"").decode()
        type_, subject, source = (headers.get(f"ce_{name}", "")[:LONGEST] for name in ("type", "subject", "source"))
        values = {
            "id": letter.dead_letter_id,
            "topic": letter.topic,
            "partition": letter.partition,
            "position": letter.position,
            "type": type_ or None,
            "subject": subject or None,
            "sequence": sequence_of(headers),
            "event_id": event_id_of(headers),
            "source": source or None,
            "cause": letter.cause,
            "payload": self.cipher.encrypt(content, table="dead_letters", column="payload", row=letter.dead_letter_id),
        }
        await uow.session.execute(INSERT, values)
        uow.record(letter, sequence=1)
        DEAD_LETTERS.labels(record.topic).inc()
