"""Reads and changes of holdings and transactions, which schedules and handlers alone ask for."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, text, update

from libs.common.clock import day_of
from libs.common.database import UnitOfWork
from services.customer.domain.relation import RelationKind
from services.customer.storage.flow_tables import holdings
from services.customer.storage.grades import GradeRepository
from services.customer.storage.holdings import Changed, HoldingsRepository
from services.customer.storage.relations import RelationRepository
from services.customer.storage.transactions import TransactionRepository
from tests.security.bank import CUSTOMER_IDS, THING_IDS
from tests.security.reads import NAMES, NOW, Read, each_of

WAITING = text("""
    INSERT INTO transactions (id, source, transaction_ref, account_number_index, direction, amount, currency, booked_at,
        initiated_by)
    SELECT a.id, a.source, 'matrix ' || a.id, a.number_index, 'credit', 1, 'CNY', now(), 'bank'
    FROM accounts AS a WHERE a.id = ANY(:accounts)
""")
OF_ACCOUNTS = {thing: name for name, thing in THING_IDS.items()}


def _named(customer_ids: list[UUID]) -> set[str]:
    return {NAMES[customer_id] for customer_id in customer_ids if customer_id in NAMES}


async def changed(uow: UnitOfWork) -> set[str]:
    noted = Changed(uow, NOW)
    noted.account_ids.update(THING_IDS.values())
    return _named([row[0] for row in await uow.session.execute(noted.owners())])


async def due(uow: UnitOfWork) -> set[str]:
    return _named(list(await HoldingsRepository(uow).due(NOW, 1000)))


async def grades_due(uow: UnitOfWork) -> set[str]:
    await uow.session.execute(update(holdings).values(grade_due_at=NOW))
    return _named([customer.id for customer in await GradeRepository(uow).due(NOW, 1000)])


async def relations_that_stand(uow: UnitOfWork) -> set[str]:
    relations = RelationRepository(uow)
    return await each_of(
        {**CUSTOMER_IDS}, lambda n: relations.stands(CUSTOMER_IDS[n], CUSTOMER_IDS[n], RelationKind.SPOUSE)
    )


async def told(uow: UnitOfWork) -> set[str]:
    await HoldingsRepository(uow).told(list(CUSTOMER_IDS.values()), now=NOW)
    rows = await uow.session.execute(select(holdings.c.customer_id).where(holdings.c.told_on.is_not(None)))
    return _named(list(rows.scalars()))


async def moved(uow: UnitOfWork) -> set[str]:
    today = day_of(NOW)
    await uow.session.execute(update(holdings).values(flows_until=today - timedelta(days=1)))
    return _named(await HoldingsRepository(uow).move_windows(NOW, 1000))


async def placed(uow: UnitOfWork) -> set[str]:
    await uow.session.execute(WAITING, {"accounts": list(THING_IDS.values())})
    found = await TransactionRepository(uow).place_waiting(1000)
    return {OF_ACCOUNTS[account_id] for account_id, _ in found if account_id in OF_ACCOUNTS}


READS = {
    "grades due": Read("customer", grades_due),
    "relations that stand": Read("customer", relations_that_stand),
    "holdings changed": Read("customer", changed),
    "holdings due": Read("customer", due),
    "holdings told": Read("customer", told),
    "holdings moved": Read("customer", moved),
    "transactions placed": Read("customer", placed),
}
