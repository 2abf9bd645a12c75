"""Reads that no path shows by itself: behind another check, or only for schedules."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy import func, insert, select, text, update

from libs.common.database import UnitOfWork
from libs.directory.reading import canonical_id, is_within_reach, require_staff, require_unit, unit_by_code
from services.complaints.storage.repository import ComplaintRepository
from services.customer.domain.reveal import IdentifierKind
from services.customer.storage.queries import customer_by_document, list_consents
from services.customer.storage.repository import BatchRepository, SourceReferenceRepository
from services.customer.storage.reveals import IdentifierRepository, RevealRepository
from services.manager.domain.assignment import Line
from services.manager.storage.repository import (
    AccessGrantRepository,
    AssignmentRepository,
    EthicalWallRepository,
    KnownCustomerRepository,
)
from services.manager.storage.tables import known_customers, waiting_tasks
from services.manager.storage.tasks import TaskRepository
from services.scoring.storage.ranking import RankingRepository
from services.scoring.storage.repository import PolicyRepository, ScoreRepository
from tests.security.bank import COLLEAGUE_IDS, CUSTOMER_IDS, THING_IDS, UNIT_IDS, number_of
from tests.security.holdings import READS as HOLDINGS_READS
from tests.security.marketing import READS as MARKETING_READS
from tests.security.reads import NAMES, NOW, Read, each_of
from tests.security.webhooks import READS as WEBHOOK_READS

MERGED = text("UPDATE directory.customers SET canonical_id = :canonical WHERE customer_id = :customer")


async def assignments(uow: UnitOfWork) -> set[str]:
    return await each_of({**THING_IDS}, lambda name: AssignmentRepository(uow).get(THING_IDS[name]))


async def main_assignments(uow: UnitOfWork) -> set[str]:
    return await each_of({**CUSTOMER_IDS}, lambda name: AssignmentRepository(uow).main(CUSTOMER_IDS[name], Line.RETAIL))


async def lapsed_grants(uow: UnitOfWork) -> set[str]:
    lapsed = await AccessGrantRepository(uow).lapsed(NOW.replace(year=NOW.year + 9), 1000)
    return {NAMES[grant.customer_id] for grant in lapsed if grant.customer_id in NAMES}


async def standing_walls(uow: UnitOfWork) -> set[str]:
    walls, staff = EthicalWallRepository(uow), COLLEAGUE_IDS["B1"]
    return await each_of({**CUSTOMER_IDS}, lambda name: walls.stands(CUSTOMER_IDS[name], staff))


async def customers_who_move(uow: UnitOfWork) -> set[str]:
    known, unit = KnownCustomerRepository(uow), UNIT_IDS["R"]
    return await each_of({**CUSTOMER_IDS}, lambda name: known.moved(CUSTOMER_IDS[name], unit))


async def customers_looked_after(uow: UnitOfWork) -> set[str]:
    for customer_id in CUSTOMER_IDS.values():
        await KnownCustomerRepository(uow).looked_after(customer_id)
    done = select(known_customers.c.customer_id).where(known_customers.c.waiting.is_(False))
    return {NAMES[id_] for id_ in (await uow.session.execute(done)).scalars() if id_ in NAMES}


async def customers_who_wait(uow: UnitOfWork) -> set[str]:
    k = known_customers.c
    mine = k.customer_id.in_(CUSTOMER_IDS.values())
    await uow.session.execute(update(known_customers).where(~mine).values(waiting=False))
    assert (await uow.session.execute(select(func.count()).where(k.waiting))).scalar_one() == len(CUSTOMER_IDS)
    return {NAMES[id_] for id_, _, _ in await KnownCustomerRepository(uow).waiting(1000)}


async def tasks_that_fall_due(uow: UnitOfWork) -> set[str]:
    due = await TaskRepository(uow).falling_due(NOW, 1000)
    return {NAMES[task.customer_id] for task in due if task.customer_id in NAMES}


async def tasks_that_were_opened(uow: UnitOfWork) -> set[str]:
    tasks = TaskRepository(uow)
    return await each_of({**CUSTOMER_IDS}, lambda name: tasks.was_opened("grade_watched", THING_IDS[name]))


async def main_managers(uow: UnitOfWork) -> set[str]:
    return await each_of({**CUSTOMER_IDS}, lambda name: TaskRepository(uow).main_manager(CUSTOMER_IDS[name]))


async def waits(uow: UnitOfWork, due_at: datetime) -> None:
    """A task for each customer."""
    told = {"rule": "grade_watched", "kind": "call", "opened_at": NOW, "due_at": due_at}
    rows = [{"customer_id": id_, "cause_id": THING_IDS[name], **told} for name, id_ in CUSTOMER_IDS.items()]
    await uow.session.execute(insert(waiting_tasks).values(rows))


async def tasks_to_give(uow: UnitOfWork) -> set[str]:
    await waits(uow, NOW + timedelta(days=1))
    return {NAMES[task.customer_id] for task, _ in await TaskRepository(uow).to_give(1000) if task.customer_id in NAMES}


async def late_tasks(uow: UnitOfWork) -> set[str]:
    await waits(uow, NOW)
    await TaskRepository(uow).forget_late(NOW)
    left = (await uow.session.execute(select(waiting_tasks.c.customer_id))).scalars()
    return {*CUSTOMER_IDS} - {NAMES[id_] for id_ in left if id_ in NAMES}


async def warnings_due(uow: UnitOfWork) -> set[str]:
    due = await ComplaintRepository(uow).due_warnings(NOW, 1000)
    return {NAMES[complaint.customer_id] for complaint, _ in due if complaint.customer_id in NAMES}


async def canonical_ids(uow: UnitOfWork) -> set[str]:
    async def known(name: str) -> bool:
        nobody = THING_IDS[name]
        await uow.session.execute(MERGED, {"customer": CUSTOMER_IDS[name], "canonical": nobody})
        return await canonical_id(uow, CUSTOMER_IDS[name]) == nobody

    return await each_of({**CUSTOMER_IDS}, known)


async def required_units(uow: UnitOfWork) -> set[str]:
    async def known(name: str) -> bool:
        await require_unit(uow, UNIT_IDS[name], field="unit_id")
        return True

    return await each_of({**UNIT_IDS}, known)


async def required_staff(uow: UnitOfWork) -> set[str]:
    async def known(name: str) -> bool:
        await require_staff(uow, COLLEAGUE_IDS[name], permission="customers:register", field="staff_id")
        return True

    return await each_of({**UNIT_IDS}, known)


async def units_by_code(uow: UnitOfWork) -> set[str]:
    return await each_of({**UNIT_IDS}, lambda name: unit_by_code(uow, f"matrix {name}"))


async def customers_by_document(uow: UnitOfWork) -> set[str]:
    def ask(name: str) -> Awaitable[object]:
        return customer_by_document(uow, "passport", uow.sealer.indexes("passport", number_of(name)))

    return await each_of({**CUSTOMER_IDS}, ask)


async def customers_by_source(uow: UnitOfWork) -> set[str]:
    wanted = [f"matrix {name}" for name in CUSTOMER_IDS]
    found = await SourceReferenceRepository(uow).customer_ids("matrix", wanted)
    return {NAMES[customer_id] for customer_id in found.values()}


async def batches(uow: UnitOfWork) -> set[str]:
    async def any_of(name: str) -> bool:
        return bool(await BatchRepository(uow).customers(THING_IDS[name]))

    return await each_of({**CUSTOMER_IDS}, any_of)


async def reveals(uow: UnitOfWork) -> set[str]:
    return await each_of({**THING_IDS}, lambda name: RevealRepository(uow).get(THING_IDS[name]))


def sealed(kind: IdentifierKind) -> Callable[[UnitOfWork], Awaitable[set[str]]]:
    async def identifiers(uow: UnitOfWork) -> set[str]:
        held = IdentifierRepository(uow)
        return await each_of({**CUSTOMER_IDS}, lambda name: held.sealed(kind, CUSTOMER_IDS[name], THING_IDS[name]))

    return identifiers


async def consents(uow: UnitOfWork) -> set[str]:
    async def any_of(name: str) -> bool:
        rows = await list_consents(uow, CUSTOMER_IDS[name], standing=None, after=None, limit=1)
        return bool(rows)

    return await each_of({**CUSTOMER_IDS}, any_of)


async def scores_of_customers(uow: UnitOfWork) -> set[str]:
    return await each_of({**CUSTOMER_IDS}, lambda name: ScoreRepository(uow).of_customer(CUSTOMER_IDS[name]))


async def outdated_scores(uow: UnitOfWork) -> set[str]:
    policy = await PolicyRepository(uow).in_force(NOW.date())
    policy.id = THING_IDS["own"]  # any other
    with uow.session.no_autoflush:
        found = await ScoreRepository(uow).outdated(policy, asleep_since=NOW.date(), limit=1000)
    return {NAMES[score.customer_id] for score in found if score.customer_id in NAMES}


async def scores_to_place(uow: UnitOfWork) -> set[str]:
    await RankingRepository(uow).draw(NOW)
    rows = await RankingRepository(uow).next_to_place(1000)
    return {NAMES[row.customer_id] for row in rows if row.customer_id in NAMES}


async def within_reach(uow: UnitOfWork) -> set[str]:
    return await each_of({**CUSTOMER_IDS}, lambda name: is_within_reach(uow, CUSTOMER_IDS[name]))


READS = {
    **WEBHOOK_READS,
    **HOLDINGS_READS,
    **MARKETING_READS,
    "storage customers within reach": Read("gateway", within_reach),
    "queries consents": Read("customer", consents),
    "reveals reveals": Read("customer", reveals),
    "reveals documents": Read("customer", sealed(IdentifierKind.IDENTITY_DOCUMENT)),
    "reveals accounts": Read("customer", sealed(IdentifierKind.ACCOUNT)),
    "queries customers by document": Read("customer", customers_by_document),
    "repository customers by source": Read("customer", customers_by_source),
    "repository batches": Read("customer", batches),
    "repository assignments": Read("manager", assignments),
    "repository main assignments": Read("manager", main_assignments),
    "repository lapsed grants": Read("manager", lapsed_grants),
    "repository standing walls": Read("manager", standing_walls),
    "repository customers who move": Read("manager", customers_who_move),
    "repository customers looked after": Read("manager", customers_looked_after),
    "repository customers who wait": Read("manager", customers_who_wait),
    "tasks that fall due": Read("manager", tasks_that_fall_due),
    "tasks that were opened": Read("manager", tasks_that_were_opened),
    "tasks of main managers": Read("manager", main_managers),
    "tasks to give": Read("manager", tasks_to_give),
    "late tasks": Read("manager", late_tasks),
    "repository warnings due": Read("complaints", warnings_due),
    "repository scores of customers": Read("scoring", scores_of_customers),
    "ranking scores to place": Read("scoring", scores_to_place),
    "repository outdated scores": Read("scoring", outdated_scores),
    "reading canonical ids": Read("complaints", canonical_ids),
    "reading required units": Read("complaints", required_units, "units"),
    "reading required staff": Read("complaints", required_staff, "units"),
    "reading units by code": Read("complaints", units_by_code, "units"),
}
