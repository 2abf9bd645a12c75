"""What the core tells in one transaction comes to the same as told one by one: statements, bookings, who holds what."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from libs.common.database import Database
from libs.directory.scope import SystemScope
from services.customer.use_cases.accounts import Stated, state_accounts
from services.customer.use_cases.booking import book_transactions
from tests.services.conftest import Service
from tests.services.customer.holder import BOOKED, NOW, STATED

PEOPLE, ACCOUNTS, RECORDS = 40, 5, 60

KNOWN = """
    SELECT substr(r.source_id, 38) AS main, a.status, a.balance, a.sequence, a.version, a.product,
        (SELECT json_agg(json_build_array(substr(h.source_id, 38), o.role) ORDER BY h.source_id)::text
            FROM account_holders AS o JOIN source_references AS h USING (customer_id)
            WHERE o.account_id = a.id) AS holders,
        (SELECT json_agg(json_build_array(o.type, o.sequence) ORDER BY o.sequence)::text
            FROM outbox AS o WHERE o.subject = a.id) AS events,
        (SELECT json_agg(json_build_array(d.day, d.balance) ORDER BY d.day)::text
            FROM daily_balances AS d WHERE d.account_id = a.id) AS balances,
        (SELECT json_agg(json_build_array(f.day, f.inflow, f.outflow, f.bookings, f.initiated) ORDER BY f.day)::text
            FROM daily_flows AS f WHERE f.account_id = a.id) AS flows
    FROM accounts AS a JOIN source_references AS r ON r.customer_id = a.main_holder_id
    WHERE r.source_id LIKE $1 || '%' ORDER BY a.product
"""
WAITING = "SELECT count(*) FROM transactions WHERE transaction_ref LIKE $1 || '%' AND account_id IS NULL"

HOLDERS = """
    SELECT substr(r.source_id, 38), c.registered_at, (h.customer_id IS NOT NULL) AS owns,
        (SELECT json_agg(json_build_array(o.type, o.sequence, a.product) ORDER BY o.id)::text
            FROM outbox AS o LEFT JOIN accounts AS a ON a.id = o.subject WHERE o.key = c.id) AS told
    FROM source_references AS r JOIN customers AS c ON c.id = r.customer_id
    LEFT JOIN holdings AS h ON h.customer_id = c.id WHERE r.source_id LIKE $1 || '%' ORDER BY r.source_id
"""
"""Nobody becomes known by a statement that is older than one before it; what is told of one customer keeps its order."""


def _story(chance: random.Random, bank: str) -> tuple[list[Stated], list[tuple[Any, str]]]:
    """Statements in a loose order, some twice, some of accounts that change hands; bookings on these, and on others."""
    stated, booked = [], []
    for _ in range(RECORDS):
        of, sequence = chance.randrange(ACCOUNTS), chance.randrange(1, 9)
        held_by = chance.sample(range(PEOPLE), chance.randrange(1, 3))
        holders: list[Any] = [
            (f"{bank}-{who}", role) for who, role in zip(held_by, ("owner", "co_owner"), strict=False)
        ]
        closed = sequence == 8 and chance.random() < 0.5
        told = replace(
            STATED,
            product=str(of),
            sequence=sequence,
            balance=Decimal(chance.randrange(1000)),
            as_of=STATED.as_of + timedelta(days=sequence),
            status="closed" if closed else "open",
            closed_on=(STATED.as_of + timedelta(days=sequence)).date() if closed else None,
        )
        number = f"{bank}-{of}" if chance.random() < 0.5 else f"{bank} {of}"  # the same, written in another way
        stated.append(Stated("core", number, holders, told))
        ref, on = f"{bank}-{chance.randrange(RECORDS)}", f"{bank}-{chance.randrange(ACCOUNTS + 2)}"
        at = NOW - timedelta(days=chance.randrange(20))
        amount, direction = Decimal(chance.randrange(1, 500)), chance.choice(("credit", "debit"))
        by = chance.choice(("customer", "bank"))
        changed = {
            "transaction_ref": ref,
            "amount": amount,
            "direction": direction,
            "booked_at": at,
            "initiated_by": by,
        }
        booked.append((replace(BOOKED, **changed), on))
    return stated, booked


async def _tell(database: Database, use_case: Any, parts: Sequence[Sequence[Any]]) -> None:
    for part in parts:
        async with database.unit_of_work(SystemScope()) as uow:
            await use_case(uow, part, now=NOW)


@pytest.mark.parametrize("seed", range(5))
async def test_together_or_one_by_one_comes_to_the_same(customers: Service, database: Database, seed: int) -> None:
    found = []
    for at_once in (1, RECORDS):
        bank = str(uuid4())
        stories = _story(random.Random(seed), bank)  # noqa: S311 - no secret
        for use_case, story in zip((state_accounts, book_transactions), stories, strict=True):
            parts = [story[first : first + at_once] for first in range(0, RECORDS, at_once)]
            await _tell(database, use_case, parts)
        connection = await customers.connect()
        known, holders = [await connection.fetch(asked, bank) for asked in (KNOWN, HOLDERS)]
        found.append((known, holders, await connection.fetchval(WAITING, bank)))
    assert found[0] == found[1]
    known, holders, waiting = found[0]
    assert len(known) == ACCOUNTS < len(holders) < PEOPLE
    assert waiting > 0
