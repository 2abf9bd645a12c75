"""Reads that no path shows by itself: behind another check, or only for schedules. Each is asked with a caller's scope.

What it does to the database is undone.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import func, select, text, update

from gateway.view.storage import is_within_reach
from gateway.webhooks.storage import (
    AttemptRepository,
    DeliveryRepository,
    SecretRepository,
    WebhookRepository,
    list_webhooks,
)
from gateway.webhooks.tables import webhook_deliveries
from gateway.webhooks.webhook import Delivery
from guanxi.local.issuer import ISSUER
from libs.common.authentication import Principal
from libs.common.database import UnitOfWork
from libs.common.domain import InvalidValue, NotFound
from libs.directory.reading import canonical_id, require_staff, require_unit, unit_by_code
from services.complaints.storage.repository import ComplaintRepository
from services.customer.domain.reveal import IdentifierKind
from services.customer.storage.queries import customer_by_document, list_consents
from services.customer.storage.repository import SourceReferenceRepository
from services.customer.storage.reveals import IdentifierRepository, RevealRepository
from services.manager.domain.assignment import Line
from services.manager.storage.repository import (
    AccessGrantRepository,
    AssignmentRepository,
    EthicalWallRepository,
    KnownCustomerRepository,
)
from services.manager.storage.tables import known_customers
from tests.security.bank import (
    ANOTHER,
    ANOTHERS_DELIVERY,
    COLLEAGUE_IDS,
    CUSTOMER_IDS,
    PARTNER,
    THING_IDS,
    UNIT_IDS,
    WEBHOOK_IDS,
    Bank,
    number_of,
)
from tests.security.expected import PARTNERS_SEEN, READ, UNITS_SEEN

ASKING = ("teller", "branch_head", "compliance", "partner")
NAMES = {id_: name for name, id_ in CUSTOMER_IDS.items()}
NOW = datetime.now(UTC)
LATER = NOW.replace(year=NOW.year + 1)
MERGED = text("UPDATE directory.customers SET canonical_id = :canonical WHERE customer_id = :customer")


class _Undone(Exception):
    pass


@dataclass(frozen=True)
class Read:
    app: str
    seen: Callable[[UnitOfWork], Awaitable[set[str]]]
    kind: str = "customers"

    async def wrong(self, bank: Bank) -> str | None:
        for role in ASKING:
            seen, should = await self._asked_by(bank, role), self._should(role)
            if seen != should:
                return f"{role} by {self.seen.__name__}: sees {seen}, should see {should}"
        return None

    def _should(self, role: str) -> set[str]:
        if self.kind == "partners":
            return PARTNERS_SEEN[role]
        return READ[role] if self.kind == "customers" else UNITS_SEEN.get(role, set()) - {"nowhere"}

    async def _asked_by(self, bank: Bank, role: str) -> set[str]:
        chassis = bank.apps[self.app].chassis
        principal = Principal(issuer=ISSUER, subject=f"matrix-{role}", roles=frozenset({role}), expires_at=0)
        caller = await chassis.authority.caller(principal, fresh=True)
        seen: set[str] = set()
        with suppress(_Undone):
            async with chassis.database.unit_of_work(caller.scope(change=False)) as uow:
                seen = await self.seen(uow)
                raise _Undone
        return seen


async def _each(ids: dict[str, object], ask: Callable[[str], Awaitable[object]]) -> set[str]:
    """Those for whom the answer is neither an error nor nothing."""
    seen = set()
    for name in ids:
        try:
            if await ask(name):
                seen.add(name)
        except (NotFound, InvalidValue):
            pass
    return seen


async def assignments(uow: UnitOfWork) -> set[str]:
    return await _each({**THING_IDS}, lambda name: AssignmentRepository(uow).get(THING_IDS[name]))


async def main_assignments(uow: UnitOfWork) -> set[str]:
    return await _each({**CUSTOMER_IDS}, lambda name: AssignmentRepository(uow).main(CUSTOMER_IDS[name], Line.RETAIL))


async def lapsed_grants(uow: UnitOfWork) -> set[str]:
    lapsed = await AccessGrantRepository(uow).lapsed(NOW.replace(year=NOW.year + 9), 1000)
    return {NAMES[grant.customer_id] for grant in lapsed if grant.customer_id in NAMES}


async def standing_walls(uow: UnitOfWork) -> set[str]:
    walls, staff = EthicalWallRepository(uow), COLLEAGUE_IDS["B1"]
    return await _each({**CUSTOMER_IDS}, lambda name: walls.stands(CUSTOMER_IDS[name], staff))


async def customers_who_move(uow: UnitOfWork) -> set[str]:
    known, unit = KnownCustomerRepository(uow), UNIT_IDS["R"]
    return await _each({**CUSTOMER_IDS}, lambda name: known.moved(CUSTOMER_IDS[name], unit))


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


async def warnings_due(uow: UnitOfWork) -> set[str]:
    due = await ComplaintRepository(uow).due_warnings(NOW, 1000)
    return {NAMES[complaint.customer_id] for complaint, _ in due if complaint.customer_id in NAMES}


async def canonical_ids(uow: UnitOfWork) -> set[str]:
    async def known(name: str) -> bool:
        nobody = THING_IDS[name]
        await uow.session.execute(MERGED, {"customer": CUSTOMER_IDS[name], "canonical": nobody})
        return await canonical_id(uow, CUSTOMER_IDS[name]) == nobody

    return await _each({**CUSTOMER_IDS}, known)


async def required_units(uow: UnitOfWork) -> set[str]:
    async def known(name: str) -> bool:
        await require_unit(uow, UNIT_IDS[name], field="unit_id")
        return True

    return await _each({**UNIT_IDS}, known)


async def required_staff(uow: UnitOfWork) -> set[str]:
    async def known(name: str) -> bool:
        await require_staff(uow, COLLEAGUE_IDS[name], permission="customers:register", field="staff_id")
        return True

    return await _each({**UNIT_IDS}, known)


async def units_by_code(uow: UnitOfWork) -> set[str]:
    return await _each({**UNIT_IDS}, lambda name: unit_by_code(uow, f"matrix {name}"))


async def customers_by_document(uow: UnitOfWork) -> set[str]:
    def ask(name: str) -> Awaitable[object]:
        return customer_by_document(uow, "passport", uow.sealer.index("passport", number_of(name)))

    return await _each({**CUSTOMER_IDS}, ask)


async def customers_by_source(uow: UnitOfWork) -> set[str]:
    wanted = [f"matrix {name}" for name in CUSTOMER_IDS]
    found = await SourceReferenceRepository(uow).customer_ids("matrix", wanted)
    return {NAMES[customer_id] for customer_id in found.values()}


async def reveals(uow: UnitOfWork) -> set[str]:
    return await _each({**THING_IDS}, lambda name: RevealRepository(uow).get(THING_IDS[name]))


def sealed(kind: IdentifierKind) -> Callable[[UnitOfWork], Awaitable[set[str]]]:
    async def identifiers(uow: UnitOfWork) -> set[str]:
        held = IdentifierRepository(uow)
        return await _each({**CUSTOMER_IDS}, lambda name: held.sealed(kind, CUSTOMER_IDS[name], THING_IDS[name]))

    return identifiers


async def consents(uow: UnitOfWork) -> set[str]:
    async def any_of(name: str) -> bool:
        rows = await list_consents(uow, CUSTOMER_IDS[name], standing=None, after=None, limit=1)
        return bool(rows)

    return await _each({**CUSTOMER_IDS}, any_of)


async def within_reach(uow: UnitOfWork) -> set[str]:
    return await _each({**CUSTOMER_IDS}, lambda name: is_within_reach(uow, CUSTOMER_IDS[name]))


async def attempts(uow: UnitOfWork) -> set[str]:
    async def tried(name: str) -> object:
        return await AttemptRepository(uow).of(delivery_of(CUSTOMER_IDS[name], id_=THING_IDS[name]))

    return await _each({**THING_IDS}, tried)


async def postponed(uow: UnitOfWork) -> set[str]:
    for customer_id in CUSTOMER_IDS.values():
        await DeliveryRepository(uow).postpone_followers(delivery_of(customer_id))
    d = webhook_deliveries.c
    moved = select(d.customer_id).where(d.due_at == LATER)
    return {NAMES[id_] for id_ in (await uow.session.execute(moved)).scalars()}


def delivery_of(customer_id: UUID, id_: UUID | None = None) -> Delivery:
    webhook_id = WEBHOOK_IDS[PARTNER]
    return Delivery(
        id=id_ or webhook_id, webhook_id=webhook_id, event_id=webhook_id, type="", customer_id=customer_id,
        subject=webhook_id, sequence=1, occurred_at=NOW, due_at=LATER, place=-1,
    )  # fmt: skip


async def webhooks(uow: UnitOfWork) -> set[str]:
    return await _each({**WEBHOOK_IDS}, lambda name: WebhookRepository(uow).get(WEBHOOK_IDS[name]))


async def webhooks_counted(uow: UnitOfWork) -> set[str]:
    return await _each({**WEBHOOK_IDS}, lambda name: WebhookRepository(uow).count(name))


async def webhooks_listed(uow: UnitOfWork) -> set[str]:
    rows = await list_webhooks(uow, status=None, after=None, limit=1000)
    return {row.partner for row in rows if row.id in WEBHOOK_IDS.values()}


async def secrets(uow: UnitOfWork) -> set[str]:
    return await _each({**WEBHOOK_IDS}, lambda name: SecretRepository(uow).valid(WEBHOOK_IDS[name], NOW))


async def deliveries(uow: UnitOfWork) -> set[str]:
    """Of a customer whom everybody reaches who may see the webhook."""
    held, consented = DeliveryRepository(uow), {PARTNER: THING_IDS["consented"], ANOTHER: ANOTHERS_DELIVERY}
    return await _each({**consented}, lambda name: held.get(None, consented[name]))


READS = {
    "storage attempts": Read("gateway", attempts),
    "storage deliveries postponed": Read("gateway", postponed),
    "storage webhooks": Read("gateway", webhooks, "partners"),
    "storage webhooks counted": Read("gateway", webhooks_counted, "partners"),
    "storage webhooks listed": Read("gateway", webhooks_listed, "partners"),
    "storage secrets": Read("gateway", secrets, "partners"),
    "storage deliveries": Read("gateway", deliveries, "partners"),
    "storage customers within reach": Read("gateway", within_reach),
    "queries consents": Read("customer", consents),
    "reveals reveals": Read("customer", reveals),
    "reveals documents": Read("customer", sealed(IdentifierKind.IDENTITY_DOCUMENT)),
    "reveals accounts": Read("customer", sealed(IdentifierKind.ACCOUNT)),
    "queries customers by document": Read("customer", customers_by_document),
    "repository customers by source": Read("customer", customers_by_source),
    "repository assignments": Read("manager", assignments),
    "repository main assignments": Read("manager", main_assignments),
    "repository lapsed grants": Read("manager", lapsed_grants),
    "repository standing walls": Read("manager", standing_walls),
    "repository customers who move": Read("manager", customers_who_move),
    "repository customers looked after": Read("manager", customers_looked_after),
    "repository customers who wait": Read("manager", customers_who_wait),
    "repository warnings due": Read("complaints", warnings_due),
    "reading canonical ids": Read("complaints", canonical_ids),
    "reading required units": Read("complaints", required_units, "units"),
    "reading required staff": Read("complaints", required_staff, "units"),
    "reading units by code": Read("complaints", units_by_code, "units"),
}
