from datetime import datetime

from libs.common.database import UnitOfWork
from libs.common.ids import new_id
from services.manager.domain.staff import Staff
from services.manager.storage.repository import StaffRepository


async def found(uow: UnitOfWork, login: str, *, at: datetime) -> int:
    """Where nobody is known yet, let one login administer: somebody has to hire the first. Returns 1 if so."""
    staff = StaffRepository(uow)
    if await staff.anybody():
        return 0
    first = Staff(
        id=new_id(), number="1", name="First administrator", unit_ids=[], roles=["admin"], logins=[login], hired_at=at
    )
    first.hire()
    staff.add(first)
    return 1
