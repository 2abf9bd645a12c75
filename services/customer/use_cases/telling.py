from datetime import datetime

from libs.common.clock import day_of
from libs.common.database import UnitOfWork
from libs.contracts.customer import SECTION, HoldingsChanged
from services.customer.domain.grading import assets_in
from services.customer.storage.holdings import HoldingsRepository, Year, flows_of, kinds_of, last_initiated, year_of

AT_ONCE = 200


async def tell_holdings(uow: UnitOfWork, now: datetime) -> int:
    """Tell what customers hold whose day it is; returns of how many."""
    due = await HoldingsRepository(uow).due(now, AT_ONCE)
    if not due:
        return 0
    today, ids = day_of(now), sorted(due)
    kinds, flows = await kinds_of(uow, ids, today), await flows_of(uow, ids, today)
    initiated, years = await last_initiated(uow, ids, today), await year_of(uow, ids, today)
    for customer_id in ids:
        holdings_id, version = due[customer_id]
        year = years.get(customer_id, Year())
        changed = HoldingsChanged(
            occurred_at=now,
            customer_id=customer_id,
            holdings_id=holdings_id,
            as_of=today,
            kinds=kinds.get(customer_id, []),
            flows=flows.get(customer_id, []),
            last_initiated_on=initiated.get(customer_id),
            branch_contacts=year.branch_contacts,
            fees=year.fees,
            assets=assets_in(kinds.get(customer_id, [])),
            last_month_assets=assets_in(kinds.get(customer_id, []), last_month=True),
        )
        uow.record(changed, sequence=version + 1)
    await HoldingsRepository(uow).told(ids, now=now)
    return len(due)


async def move_flow_windows(uow: UnitOfWork, now: datetime) -> int:
    """Let the windows of yesterday end today; returns how many moved."""
    moved = await HoldingsRepository(uow).move_windows(now, AT_ONCE)
    uow.mark(SECTION.name, moved)
    return len(moved)
