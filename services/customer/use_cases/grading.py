from datetime import datetime

from libs.common.clock import day_of
from libs.common.database import UnitOfWork
from services.customer.domain.grading import assets_in
from services.customer.storage.grades import GradeRepository
from services.customer.storage.holdings import kinds_of

AT_ONCE = 100


async def review_grades(uow: UnitOfWork, now: datetime) -> int:
    """Review each person's grade once a month; returns how many.

    By the average of the whole month before; whoever has no grade yet by this month's so far.
    """
    today = day_of(now)
    repository = GradeRepository(uow)
    due = await repository.due(today.replace(day=1), AT_ONCE)
    if not due:
        return 0
    ladder, kinds = await repository.ladder(today), await kinds_of(uow, [customer.id for customer in due], today)
    for customer in due:
        assets = assets_in(kinds.get(customer.id, []), last_month=customer.grade is not None)
        customer.review_grade(ladder, assets, today=today, at=now)
    return len(due)
