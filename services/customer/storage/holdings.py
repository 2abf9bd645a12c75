"""What is told of customers' holdings, and when that is due, within the unit of work's scope."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Select, case, exists, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session

from libs.common.clock import day_of
from libs.common.database import UnitOfWork
from libs.common.ids import new_id
from libs.contracts.customer import SECTION, Flows, KindOfHolding
from services.customer.domain.account import OWNERS
from services.customer.domain.holdings import SETTLES, WINDOWS, next_month, tomorrow
from services.customer.domain.transaction import AT_A_BRANCH, FEE
from services.customer.storage.days import Days
from services.customer.storage.flow_tables import daily_flows, holdings
from services.customer.storage.tables import account_holders

OVERDUE = """
    CASE WHEN coalesce(a.overdue_days, 0) <= 0 THEN '0' WHEN a.overdue_days <= 30 THEN '1-30'
         WHEN a.overdue_days <= 90 THEN '31-90' ELSE '90+' END
"""

# Between two balances nothing changed, so each counts for the days until the next.
KINDS = text(f"""
    WITH asked AS (
        SELECT CAST(:as_of AS date) AS as_of, CAST(:as_of AS date) + 1 AS ends, CAST(:as_of AS date) - 364 AS year,
               date_trunc('month', CAST(:as_of AS date))::date AS month,
               (date_trunc('month', CAST(:as_of AS date)) - interval '1 month')::date AS last_month),
    stood AS (
        SELECT b.account_id, b.balance, b.day,
            lead(b.day, 1, q.ends) OVER (PARTITION BY b.account_id ORDER BY b.day) AS ends
        FROM daily_balances AS b CROSS JOIN asked AS q
        WHERE b.day <= q.as_of AND b.day >= coalesce(
            (SELECT max(p.day) FROM daily_balances AS p WHERE p.account_id = b.account_id AND p.day <= q.year), q.year)
          AND b.account_id IN (
            SELECT account_id FROM account_holders
            WHERE customer_id = ANY(:customer_ids) AND role <> 'authorised_user')),
    averages AS (
        SELECT s.account_id,
            sum(s.balance * greatest(least(s.ends, q.ends) - greatest(s.day, q.month), 0))
                / (q.ends - q.month) AS month,
            sum(s.balance * greatest(least(s.ends, q.month) - greatest(s.day, q.last_month), 0))
                / (q.month - q.last_month) AS last_month,
            sum(s.balance * greatest(least(s.ends, q.ends) - greatest(s.day, q.year), 0)) / 365 AS year
        FROM stood AS s CROSS JOIN asked AS q GROUP BY s.account_id, q.ends, q.month, q.last_month),
    kinds AS (
        SELECT o.customer_id, a.kind, a.currency, count(*) FILTER (WHERE a.status = 'open') AS accounts,
            coalesce(sum(a.balance) FILTER (WHERE a.status = 'open'), 0) AS balance,
            round(coalesce(sum(v.month), 0), 4) AS month_average,
            round(coalesce(sum(v.last_month), 0), 4) AS last_month_average,
            round(coalesce(sum(v.year), 0), 4) AS year_average,
            round(coalesce(sum(v.year * a.rate), 0), 4) AS year_interest,
            round(coalesce(sum(v.year) FILTER (WHERE a.rate IS NOT NULL), 0), 4) AS rated_average
        FROM account_holders AS o JOIN accounts AS a ON a.id = o.account_id
        LEFT JOIN averages AS v ON v.account_id = a.id
        WHERE o.customer_id = ANY(:customer_ids) AND o.role <> 'authorised_user'
        GROUP BY o.customer_id, a.kind, a.currency),
    overdue AS (
        SELECT o.customer_id, a.kind, a.currency, {OVERDUE} AS bucket, sum(a.balance) AS balance
        FROM account_holders AS o JOIN accounts AS a ON a.id = o.account_id
        WHERE o.customer_id = ANY(:customer_ids) AND o.role <> 'authorised_user' AND a.status = 'open'
          AND a.balance IS NOT NULL
        GROUP BY o.customer_id, a.kind, a.currency, bucket)
    SELECT k.*, coalesce(
        (SELECT json_object_agg(v.bucket, v.balance::text ORDER BY v.bucket) FROM overdue AS v
         WHERE (v.customer_id, v.kind, v.currency) = (k.customer_id, k.kind, k.currency)), '{{}}') AS overdue
    FROM kinds AS k WHERE k.accounts > 0 OR k.year_average <> 0 ORDER BY k.customer_id, k.kind, k.currency
""")  # noqa: S608 - the only thing put in is a constant

FLOWS = text("""
    SELECT o.customer_id, f.currency, w.days, CAST(:as_of AS date) AS until, sum(f.inflow) AS inflow,
        sum(f.outflow) AS outflow, sum(f.bookings) AS bookings, sum(f.initiated) AS initiated
    FROM account_holders AS o JOIN daily_flows AS f ON f.account_id = o.account_id
    JOIN unnest(CAST(:windows AS int[])) AS w (days)
        ON f.day <= CAST(:as_of AS date) AND f.day > CAST(:as_of AS date) - w.days
    WHERE o.customer_id = ANY(:customer_ids) AND o.role <> 'authorised_user'
    GROUP BY o.customer_id, f.currency, w.days ORDER BY o.customer_id, f.currency, w.days
""")

LOCK_MARKS = text("""
    SELECT FROM publication_marks WHERE stream = :stream AND key = ANY(:keys) ORDER BY key FOR UPDATE
""")

# Who came to a branch was there, whatever became of the booking; a fee that is given back is none.
YEAR = text(f"""
    SELECT o.customer_id,
        count(DISTINCT d.day) FILTER (
            WHERE t.channel = '{AT_A_BRANCH}' AND t.initiated_by = 'customer' AND t.reverses IS NULL
        ) AS branch_contacts,
        coalesce(sum(CASE t.direction WHEN 'debit' THEN t.amount ELSE -t.amount END) FILTER (
            WHERE t.category = '{FEE}' AND t.currency = 'CNY'), 0.0000) AS fees
    FROM account_holders AS o
    JOIN transactions AS t ON t.account_id = o.account_id AND (t.channel = '{AT_A_BRANCH}' OR t.category = '{FEE}')
    CROSS JOIN LATERAL (SELECT (t.booked_at AT TIME ZONE 'Asia/Shanghai')::date AS day) AS d
    WHERE o.customer_id = ANY(:customer_ids) AND o.role <> 'authorised_user'
        AND d.day <= CAST(:as_of AS date) AND d.day > CAST(:as_of AS date) - 365
        AND t.booked_at > CAST(:as_of AS date) - interval '366 days'
    GROUP BY o.customer_id
""")  # noqa: S608 - the only things put in are constants

LAST_INITIATED = text("""
    SELECT o.customer_id, max(f.day) AS day
    FROM account_holders AS o
    JOIN daily_flows AS f ON f.account_id = o.account_id AND f.initiated > 0 AND f.day <= :as_of
    WHERE o.customer_id = ANY(:customer_ids) AND o.role <> 'authorised_user' GROUP BY o.customer_id
""")


async def kinds_of(uow: UnitOfWork, customer_ids: Sequence[UUID], as_of: date) -> dict[UUID, list[KindOfHolding]]:
    rows = await uow.session.execute(KINDS, {"customer_ids": customer_ids, "as_of": as_of})
    exact = [
        {**row, "overdue": {bucket: Decimal(of) for bucket, of in row["overdue"].items()}} for row in rows.mappings()
    ]
    return _by_customer(exact, KindOfHolding)


async def flows_of(uow: UnitOfWork, customer_ids: Sequence[UUID], until: date) -> dict[UUID, list[Flows]]:
    asked = {"customer_ids": customer_ids, "as_of": until, "windows": list(WINDOWS)}
    return _by_customer((await uow.session.execute(FLOWS, asked)).mappings(), Flows)


async def last_initiated(uow: UnitOfWork, customer_ids: Sequence[UUID], as_of: date) -> dict[UUID, date]:
    rows = await uow.session.execute(LAST_INITIATED, {"customer_ids": customer_ids, "as_of": as_of})
    return {row.customer_id: row.day for row in rows}


@dataclass(frozen=True)
class Year:
    """Of 365 days: on how many of them a customer began something at a branch, and what they paid in fees, in CNY."""

    branch_contacts: int = 0
    fees: Decimal = Decimal("0.0000")


async def year_of(uow: UnitOfWork, customer_ids: Sequence[UUID], as_of: date) -> dict[UUID, Year]:
    rows = await uow.session.execute(YEAR, {"customer_ids": customer_ids, "as_of": as_of})
    return {row.customer_id: Year(row.branch_contacts, row.fees) for row in rows}


def _by_customer(rows: Any, shape: type[Any]) -> dict[UUID, list[Any]]:
    names = shape.__dataclass_fields__
    grouped = groupby(rows, key=lambda row: row["customer_id"])
    return {customer_id: [shape(**{n: row[n] for n in names}) for row in some] for customer_id, some in grouped}


class HoldingsRepository:
    """Every transaction locks customers' marks first and their rows here after, so that none waits in a circle."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def changed(self, account_ids: Collection[UUID], *, now: datetime, before: Collection[UUID] = ()) -> None:
        """Let what these accounts' owners hold be told, soon or tomorrow, and of those who were `before`, and shown.

        It is noted once for all that the transaction does, at its commit, after the marks.
        """
        noted: Changed | None = self._uow.session.info.get("holdings")
        if noted is None:
            noted = self._uow.session.info["holdings"] = Changed(self._uow, now)
            Days.of(self._uow)  # stored before: what was booked today is found
            self._uow.before_marks(noted.find)
        noted.account_ids.update(account_ids)
        noted.former.update(before)

    async def due(self, now: datetime, limit: int) -> dict[UUID, tuple[UUID, int]]:
        """Whose holdings are to be told now, locked: by customer their id, and the version of what was told last."""
        h = holdings.c
        is_due = (h.due_at <= now) & or_(h.told_on.is_(None), h.told_on < day_of(now))
        wanted = select(h.customer_id).where(is_due, self._uow.scope.customers(h.customer_id))
        ids = list((await self._uow.session.execute(wanted.order_by(h.due_at).limit(limit))).scalars())
        await self._lock_marks(ids)
        still = select(h.customer_id, h.id, h.version).where(h.customer_id.in_(ids), is_due).with_for_update()
        return {row.customer_id: (row.id, row.version) for row in await self._uow.session.execute(still)}

    async def told(self, customer_ids: Collection[UUID], *, now: datetime) -> None:
        """They are told again when they change, and once this month's averages are whole."""
        h = holdings.c
        done = {"version": h.version + 1, "told_on": day_of(now), "due_at": next_month(now)}
        done["grade_due_at"] = func.coalesce(h.grade_due_at, now)
        theirs = h.customer_id.in_(customer_ids) & self._uow.scope.customers(h.customer_id)
        await self._uow.session.execute(update(holdings).where(theirs).values(done))

    async def move_windows(self, now: datetime, limit: int) -> list[UUID]:
        """Let the flows that are shown end today, or show none where nothing was booked for so long.

        Where the longest window holds something no more that the customer began, their holdings are due.
        """
        h, o, f = holdings.c, account_holders.c, daily_flows.c
        today, longest = day_of(now), timedelta(days=WINDOWS[-1])
        late = select(h.customer_id).where(h.flows_until < today, self._uow.scope.customers(h.customer_id))
        ids = list((await self._uow.session.execute(late.order_by(h.flows_until).limit(limit))).scalars())
        await self._lock_marks(ids)
        flows = exists().where(o.customer_id == h.customer_id, f.account_id == o.account_id)
        booked = flows.where(f.day > today - longest)
        left = flows.where(f.initiated != 0, f.day > h.flows_until - longest, f.day <= today - longest)
        moved = {
            "flows_until": case((booked, literal(today)), else_=None),
            "due_at": case((left, func.least(h.due_at, now)), else_=h.due_at),
        }
        still = update(holdings).where(h.customer_id.in_(ids), h.flows_until < today).values(moved)
        return list((await self._uow.session.execute(still.returning(h.customer_id))).scalars())

    async def _lock_marks(self, customer_ids: Collection[UUID]) -> None:
        """In the order in which whoever marks takes them; nothing is published for it."""
        await self._uow.session.execute(LOCK_MARKS, {"stream": SECTION.name, "keys": customer_ids})


class Changed:
    """Accounts on which something changed in one transaction, and who owned them before."""

    def __init__(self, uow: UnitOfWork, now: datetime) -> None:
        self.account_ids: set[UUID] = set()
        self.former: set[UUID] = set()
        self._uow, self._now = uow, now

    def owners(self) -> Select[UUID, date]:
        """Within scope, each with the day on which something was booked last, by now."""
        o, f = account_holders.c, daily_flows.c
        today = day_of(self._now)
        lately = (f.day <= today) & (f.day > today - timedelta(days=WINDOWS[-1]))
        booked = (f.account_id == o.account_id) & lately
        theirs = select(o.customer_id, func.max(f.day)).join_from(account_holders, daily_flows, booked, isouter=True)
        owned = theirs.where(o.account_id.in_(self.account_ids), o.role.in_(OWNERS))
        return owned.where(self._uow.scope.customers(o.customer_id)).group_by(o.customer_id)

    def find(self, session: Session) -> Iterable[tuple[str, UUID]]:
        booked_on: dict[UUID, date | None] = dict.fromkeys(self.former)
        booked_on.update((row[0], row[1]) for row in session.execute(self.owners()))
        if booked_on:
            self._uow.at_commit(lambda session: session.execute(_noted(booked_on, self._now)))
        return [(SECTION.name, owner) for owner in booked_on]


def _noted(booked_on: dict[UUID, date | None], now: datetime) -> Insert:
    """Due soon, or tomorrow where it was told today already; what is due earlier stays so."""
    h = holdings.c
    soon = {"version": 0, "due_at": now + SETTLES}
    rows = [{"customer_id": owner, "id": new_id(), "flows_until": day} for owner, day in sorted(booked_on.items())]
    new = insert(holdings).values([{**row, **soon} for row in rows])
    later = case((h.told_on >= day_of(now), literal(tomorrow(now))), else_=new.excluded.due_at)
    kept = {
        "due_at": func.least(h.due_at, later),
        "flows_until": func.greatest(h.flows_until, new.excluded.flows_until),
    }
    return new.on_conflict_do_update(index_elements=[h.customer_id], set_=kept)
