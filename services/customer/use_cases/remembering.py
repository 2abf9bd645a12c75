from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from libs.common.database import Heard, UnitOfWork
from services.customer.storage.interactions import Interaction, InteractionRepository

LEFT_OUT = frozenset({"occurred_at", "customer_id", "holder_ids", "related_id", "balance"})
"""What a row says anyway, what names other customers, and money: not everybody whose event it is owns the account."""


@dataclass(frozen=True)
class Happened:
    """With customers, and what is told of it."""

    heard: Heard
    customer_ids: Iterable[UUID]
    type: str
    subject: UUID
    occurred_at: datetime
    facts: Mapping[str, Any]

    def rows(self) -> Iterator[Interaction]:
        facts = orjson.dumps({name: value for name, value in self.facts.items() if name not in LEFT_OUT}).decode()
        place = self.heard.event_id, self.heard.service, self.type, self.subject, self.heard.sequence
        return (Interaction(customer_id, *place, self.occurred_at, facts) for customer_id in self.customer_ids)


async def remember(uow: UnitOfWork, happened: Sequence[Happened]) -> None:
    """Keep what happened with customers in any service: its event is gone from the topic after weeks."""
    await InteractionRepository(uow).add(row for one in happened for row in one.rows())
