from datetime import datetime, timedelta

from libs.common.clock import day_of
from libs.common.database import UnitOfWork
from services.customer.domain.customer import Kind
from services.customer.domain.grading import assets_in
from services.customer.domain.holdings import next_month
from services.customer.storage.grades import GradeRepository
from services.customer.storage.holdings import kinds_of

AT_ONCE = 100
REST = timedelta(days=1)


async def review_grades(uow: UnitOfWork, now: datetime) -> int:
    """Review grades of persons once a month, a day after it began: what the core says of the last day has come by then.

    By the average of the whole month before; whoever has no grade yet by this month's so far. Returns how many.
    """
    repository, today = GradeRepository(uow), day_of(now)
    due = await repository.due(now, AT_ONCE)
    if not due:
        return 0
    ids = [customer.id for customer in due]
    ladder, kinds = await repository.ladder(today), await kinds_of(uow, ids, today)
    for customer in due:
        if customer.kind is Kind.PERSON:
            assets = assets_in(kinds.get(customer.id, []), last_month=customer.grade is not None)
            customer.review_grade(ladder, assets, at=now)
    repository.reviewed(ids, next_at=next_month(now) + REST)
    return len(due)
