from datetime import datetime
from uuid import UUID

from libs.common.database import UnitOfWork
from libs.common.domain import Conflict
from libs.common.ids import new_id
from libs.contracts.customer import MarketingChannel
from libs.directory.reading import require_customer
from services.customer.domain.consent import Consent, Purpose
from services.customer.storage.repository import ConsentRepository


async def grant_consent(
    uow: UnitOfWork,
    customer_id: UUID,
    *,
    purpose: Purpose,
    party: str,
    channel: MarketingChannel | None,
    text_version: str,
    at: datetime,
) -> Consent:
    """Let a party act for a purpose, under the words of `text_version`, until it is withdrawn."""
    await require_customer(uow, customer_id)
    if await ConsentRepository(uow).standing(customer_id, purpose, party, channel):
        raise Conflict("This consent stands already.")
    consent = Consent(
        id=new_id(),
        customer_id=customer_id,
        purpose=purpose,
        party=party,
        channel=channel,
        text_version=text_version,
        granted_at=at,
    )
    consent.grant()
    ConsentRepository(uow).add(consent)
    return consent


async def withdraw_consent(uow: UnitOfWork, consent_id: UUID, *, at: datetime) -> Consent:
    consent = await ConsentRepository(uow).get_for_change(consent_id)
    consent.withdraw(at=at)
    return consent
