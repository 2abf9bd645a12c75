"""Somebody whom only the core knows: what it states and books of them, and what the service makes of it."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from libs.common.database import Database
from libs.directory.scope import SystemScope
from services.customer.domain.account import Statement
from services.customer.domain.transaction import Transaction
from services.customer.storage.section import PUBLICATIONS
from services.customer.use_cases.accounts import Stated, state_accounts
from services.customer.use_cases.booking import book_transactions
from tests.services.conftest import Service

NOW = datetime(2026, 3, 10, 4, tzinfo=UTC)
BOOKED = Transaction(
    source="core",
    transaction_ref="",
    direction="credit",
    amount=Decimal("100.10"),
    currency="CNY",
    booked_at=NOW,
    channel="mobile",
    category="transfer",
    counterparty_bank=None,
    initiated_by="customer",
    reverses=None,
)
STATED = Statement(
    kind="savings",
    product="储蓄",
    currency="CNY",
    unit_code=None,
    opened_on=date(2026, 2, 20),
    closed_on=None,
    status="open",
    limit=None,
    rate=Decimal("0.02"),
    maturity_on=None,
    balance=Decimal(100),
    overdue_days=None,
    sequence=1,
    as_of=datetime(2026, 2, 20, 4, tzinfo=UTC),
)


class Holder:
    """With one account."""

    def __init__(self, customers: Service, database: Database) -> None:
        self.customers, self.database = customers, database
        self.ref, self.account = str(uuid4()), str(uuid4())

    async def state(
        self, *, now: datetime = NOW, role: str = "owner", co_owner: "Holder | None" = None, **changed: Any
    ) -> None:
        statement = replace(STATED, **changed)
        async with self.database.unit_of_work(SystemScope()) as uow:
            holders: list[Any] = [(self.ref, role), *([(co_owner.ref, "co_owner")] if co_owner else [])]
            await state_accounts(uow, [Stated("core", self.account, holders, statement)], now=now)

    async def book(self, *, now: datetime = NOW, **changed: Any) -> None:
        transaction = replace(BOOKED, **{"transaction_ref": str(uuid4()), **changed})
        async with self.database.unit_of_work(SystemScope()) as uow:
            await book_transactions(uow, [(transaction, self.account)], now=now)

    async def id(self) -> UUID:
        found = "SELECT customer_id FROM source_references WHERE source_id = $1"
        customer_id: UUID = await (await self.customers.connect()).fetchval(found, self.ref)
        return customer_id

    async def flows(self) -> dict[int, tuple[str, str, int, int]]:
        """By the days of the window, as the section shows them."""
        row = await (await self.customers.connect()).fetchrow(PUBLICATIONS[0].query, [await self.id()])
        found = json.loads(row["json_build_object"])["staff"]["flows"]
        return {f["days"]: (f["inflow"], f["outflow"], f["bookings"], f["initiated"]) for f in found}

    async def told(self) -> list[dict[str, Any]]:
        found = "SELECT payload FROM outbox WHERE key = $1 AND type = 'crm.holdings.changed.v1' ORDER BY id"
        rows = await (await self.customers.connect()).fetch(found, await self.id())
        return [json.loads(row["payload"]) for row in rows]

    async def due_at(self) -> datetime:
        found = "SELECT due_at FROM holdings WHERE customer_id = $1"
        due: datetime = await (await self.customers.connect()).fetchval(found, await self.id())
        return due


async def sweep(database: Database, work: Any, now: datetime) -> None:
    """Until nothing is left: other tests' customers are among them."""
    done = True
    while done:
        async with database.unit_of_work(SystemScope()) as uow:
            done = bool(await work(uow, now))
