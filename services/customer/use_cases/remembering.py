from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.database import UnitOfWork
from services.customer.storage.interactions import InteractionRepository

LEFT_OUT = frozenset({"occurred_at", "customer_id", "holder_ids", "related_id", "balance"})
"""What a row says anyway, what names other customers, and money: not everybody whose event it is owns the account."""


async def remember(
    uow: UnitOfWork,
    customer_ids: Iterable[UUID],
    *,
    type_: str,
    subject: UUID,
    occurred_at: datetime,
    facts: Mapping[str, Any],
) -> None:
    """Keep what happened with customers in any service: its event is gone from the topic after weeks."""
    heard = uow.heard
    if heard is None:
        raise RuntimeError("only an event that was heard is remembered")
    await InteractionRepository(uow).add(
        customer_ids,
        event_id=heard.event_id,
        service=heard.service,
        type_=type_,
        subject=subject,
        sequence=heard.sequence,
        occurred_at=occurred_at,
        facts={name: value for name, value in facts.items() if name not in LEFT_OUT},
    )
