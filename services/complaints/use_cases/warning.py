from datetime import datetime

from libs.common.database import UnitOfWork
from services.complaints.storage.repository import ComplaintRepository

AT_ONCE = 100


async def warn_of_deadlines(uow: UnitOfWork, now: datetime) -> int:
    """Send the warnings whose time has come; returns how many."""
    due = await ComplaintRepository(uow).due_warnings(now, AT_ONCE)
    for complaint, warning in due:
        complaint.warn(warning, at=now)
    return len(due)
