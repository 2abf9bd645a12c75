from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from libs.common.database import UnitOfWork
from libs.contracts.marketing import SECTION
from services.marketing.storage.audience import AudienceRepository


async def welcome_customer(uow: UnitOfWork, customer_id: UUID) -> None:
    """Publish a new customer's section, so that an empty one differs from a missing one."""
    await AudienceRepository(uow).welcome(customer_id)
    uow.mark(SECTION.name, [customer_id])


async def keep_consent(uow: UnitOfWork, customer_id: UUID, channel: str, *, standing: bool) -> None:
    """Whether a customer may be told over a channel; their section says so."""
    await AudienceRepository(uow).consents(customer_id, channel, standing=standing)
    uow.mark(SECTION.name, [customer_id])


async def keep_complaint(uow: UnitOfWork, customer_id: UUID, complaint_id: UUID, *, is_open: bool) -> None:
    await AudienceRepository(uow).complains(customer_id, complaint_id, is_open=is_open)


async def keep_holdings(uow: UnitOfWork, customer_id: UUID, kinds: Iterable[str]) -> None:
    await AudienceRepository(uow).holds(customer_id, sorted(set(kinds)))


async def keep_score(uow: UnitOfWork, customer_id: UUID, value_group: str, assets: Decimal) -> None:
    await AudienceRepository(uow).scores(customer_id, value_group, assets)
