from datetime import datetime
from uuid import UUID

from libs.common.database import UnitOfWork
from libs.common.domain import InvalidValue, NotFound
from libs.common.ids import new_id
from services.customer.domain.reveal import LIFETIME, IdentifierKind, Reveal
from services.customer.storage.repository import CustomerRepository
from services.customer.storage.reveals import IdentifierRepository, RevealRepository

PLACES = {
    IdentifierKind.IDENTITY_DOCUMENT: "identity_documents.number",
    IdentifierKind.CONTACT_POINT: "contact_points.value",
    IdentifierKind.ACCOUNT: "accounts.number",
}


async def reveal_identifier(
    uow: UnitOfWork, customer_id: UUID, kind: IdentifierKind, thing_id: UUID, *, by: UUID, reason: str, at: datetime
) -> Reveal:
    """Let a member of staff see an identifier of a customer in clear, for minutes.

    Raises:
        NotFound: the customer is unknown or out of scope.
        InvalidValue: the customer has no such identifier.
    """
    uow.about(customer_id)
    await CustomerRepository(uow).get(customer_id)
    if await IdentifierRepository(uow).sealed(kind, customer_id, thing_id) is None:
        raise InvalidValue("thing_id", f"This customer has no such {kind.replace('_', ' ')}.")
    reveal = Reveal(
        id=new_id(),
        customer_id=customer_id,
        staff_id=by,
        kind=kind,
        thing_id=thing_id,
        reason=reason,
        revealed_at=at,
        expires_at=at + LIFETIME,
    )
    reveal.happen()
    RevealRepository(uow).add(reveal)
    return reveal


async def read_reveal(uow: UnitOfWork, reveal_id: UUID, *, by: UUID | None) -> Reveal:
    """A reveal that the caller asked for themselves."""
    reveal = await RevealRepository(uow).get(reveal_id)
    if reveal.staff_id != by:
        raise NotFound.thing("reveal")
    return reveal


async def revealed_value(uow: UnitOfWork, reveal: Reveal, *, at: datetime) -> str | None:
    """The identifier in clear; None once the reveal has expired, or the identifier is gone."""
    if not reveal.lasts(at):
        return None
    sealed = await IdentifierRepository(uow).sealed(reveal.kind, reveal.customer_id, reveal.thing_id)
    return uow.sealer.open(sealed, place=PLACES[reveal.kind], row=reveal.thing_id) if sealed else None
