"""What the demo bank's core states and books: records of `core.accounts.v1` and `core.transactions.v1`."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

from guanxi.demo.plan import BRANCHES, RATES, Holding, Planned, day_before, noon, ref_of
from libs.common.clock import day_of
from libs.contracts.core import CoreAccount, CoreTransaction, Holder

SOURCE = "demo"
A_YEAR = 400
"""Days: what was on an account before counts for no average that is told."""


def statements(planned: Planned, now: datetime, *, customers: int) -> Iterator[CoreAccount]:
    """Each account as it was when it was opened, or a year ago; and as it is now, where something was booked since.

    `customers` is how many the bank has: nobody else owns an account of it.
    """
    for holding in planned.holdings:
        today = day_of(now)
        began = noon(day_before(today, min(holding.opened_days_ago, A_YEAR)))
        stood = ((began, holding.then), (now, holding.now))[: 2 if holding.bookings else 1]
        for sequence, (as_of, balance) in enumerate(stood, start=1):
            yield _stated(planned, holding, sequence, as_of, balance, today, customers)


def transactions(planned: Planned, today: date) -> Iterator[CoreTransaction]:
    for holding in planned.holdings:
        for number, booking in enumerate(holding.bookings, start=1):
            yield CoreTransaction(
                source=SOURCE,
                transaction_ref=f"{holding.ref}-{number}",
                account_ref=holding.ref,
                direction=booking.direction,
                amount=booking.amount,
                currency="CNY",
                booked_at=noon(day_before(today, booking.days_ago)),
                channel=booking.channel,
                category=booking.category,
                counterparty_bank=None,
                initiated_by=booking.initiated_by,
                sequence=number,
            )


def _stated(
    planned: Planned, holding: Holding, sequence: int, as_of: datetime, balance: Decimal, today: date, customers: int
) -> CoreAccount:
    holders = [Holder(customer_ref=planned.ref, role="owner")]
    if holding.co_owner is not None and holding.co_owner < customers:
        holders.append(Holder(customer_ref=ref_of(planned.seed, holding.co_owner), role="co_owner"))
    rate = RATES.get(holding.kind)
    return CoreAccount(
        source=SOURCE,
        account_ref=holding.ref,
        kind=holding.kind,
        product=holding.product,
        currency="CNY",
        holders=holders,
        unit_code=BRANCHES[planned.branch][0],
        opened_on=day_before(today, holding.opened_days_ago),
        status="open",
        rate=Decimal(rate) if rate else None,
        balance=balance,
        overdue_days=holding.overdue_days or None,
        sequence=sequence,
        as_of=as_of,
    )
