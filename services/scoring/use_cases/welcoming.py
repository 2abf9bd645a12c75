from uuid import UUID

from libs.common.database import UnitOfWork
from libs.contracts.scoring import SECTION


async def welcome_customer(uow: UnitOfWork, customer_id: UUID) -> None:
    """Publish a new customer's section, so that an empty one differs from a missing one."""
    uow.mark(SECTION.name, [customer_id])
