"""Dead letters: records that cannot be handled, kept encrypted for a person, announced without their payload."""

import base64
from dataclasses import dataclass

from aiokafka import ConsumerRecord
from sqlalchemy import text

from libs.common.announcements import DeadLetterRaised
from libs.common.clock import Clock
from libs.common.database import UnitOfWork
from libs.common.encryption import FieldCipher
from libs.common.ids import new_id
from libs.common.metrics import DEAD_LETTERS

INSERT = text("""
    INSERT INTO dead_letters (id, topic, partition, position, type, subject, sequence, cause, payload)
    VALUES (:id, :topic, :partition, :position, :type, :subject, :sequence, :cause, :payload)
""")
LARGEST, LONGEST = 2**63, 200
"""What the columns take of a record's own words: a sequence, and characters of a header."""


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
        type_, subject, sequence = (headers.get(f"ce_{name}", "")[:LONGEST] for name in ("type", "subject", "sequence"))
        values = {
            "id": letter.dead_letter_id,
            "topic": letter.topic,
            "partition": letter.partition,
            "position": letter.position,
            "type": type_ or None,
            "subject": subject or None,
            "sequence": int(sequence) if sequence.isdecimal() and int(sequence) < LARGEST else None,
            "cause": letter.cause,
            "payload": self.cipher.encrypt(content, table="dead_letters", column="payload", row=letter.dead_letter_id),
        }
        await uow.session.execute(INSERT, values)
        uow.record(letter, sequence=1)
        DEAD_LETTERS.labels(record.topic).inc()
