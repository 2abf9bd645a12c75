"""What the Berka bank's core would state: accounts, loans, cards and standing orders as `core.accounts.v1` records.

What the files do not tell is null: balances, rates, days overdue, when an account was closed.
"""

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from guanxi.importers.berka_records import BerkaFiles, Card, Disposition, Loan
from libs.contracts.core import CoreAccount, Holder

SOURCE = "berka"
CURRENCY = "CZK"
AS_OF = datetime(2018, 12, 31, 23, tzinfo=UTC)
"""The end of the last year that the files cover, in Prague. Every loan that they call ended was due before it."""

RIGHTS: dict[str, Any] = {"O": "owner", "D": "authorised_user"}
CARDS = {"C": "classic", "J": "junior", "G": "gold"}
PURPOSES = {"HH": "household", "LO": "loan_payment", "IN": "insurance", "LE": "leasing", "": "unstated"}
PAID = "A"


def branch_code(district_id: int) -> str:
    return f"berka-{district_id}"


def statements(files: BerkaFiles) -> Iterator[CoreAccount]:
    """Every holding of the bank, once, its main holder first."""
    for account in files.accounts:
        number = account.account_id
        yield _stated(
            files,
            number,
            files.dispositions_of[number],
            account_ref=f"account-{number}",
            kind="current",
            product="current_account",
            opened_on=account.opened_on,
        )
    yield from (_loan(files, loan) for loan in files.loans)
    yield from (_card(files, card) for card in files.cards)
    yield from _orders(files)


def _loan(files: BerkaFiles, loan: Loan) -> CoreAccount:
    """The granted amount is its limit. A paid loan closed at its term; an unpaid one is owed for longer: open."""
    maturity = months_after(loan.granted_on, loan.months)
    return _stated(
        files,
        loan.account_id,
        _owner(files, loan.account_id),
        account_ref=f"loan-{loan.loan_id}",
        kind="loan",
        product="loan",
        opened_on=loan.granted_on,
        maturity_on=maturity,
        closed_on=maturity if loan.status == PAID else None,
        limit=loan.amount,
    )


def _card(files: BerkaFiles, card: Card) -> CoreAccount:
    # PKDD'99 says "credit card", but its cards hang on a right of disposal over a current account, have neither a
    # limit nor a balance of their own, and a sixth of them are for juniors: called credit, they would claim a line
    # that nobody granted.
    disposition = files.disposition_by_id[card.disp_id]
    return _stated(
        files,
        disposition.account_id,
        [disposition],
        account_ref=f"card-{card.card_id}",
        kind="debit_card",
        product=CARDS.get(card.kind, card.kind),
        opened_on=card.issued_on,
    )


def _orders(files: BerkaFiles) -> Iterator[CoreAccount]:
    """The ordered amount is the limit. When an order was given is not known."""
    for order in files.orders:
        yield _stated(
            files,
            order.account_id,
            _owner(files, order.account_id),
            account_ref=f"order-{order.order_id}",
            kind="standing_order",
            product=PURPOSES.get(order.purpose, order.purpose),
            opened_on=None,
            limit=order.amount,
        )


def _owner(files: BerkaFiles, account_id: int) -> list[Disposition]:
    """PKDD'99: only the owner may give standing orders and ask for a loan, so a disponent is no party to them."""
    return files.dispositions_of[account_id][:1]


def _stated(files: BerkaFiles, account_id: int, holders: list[Disposition], **known: Any) -> CoreAccount:
    return CoreAccount(
        source=SOURCE,
        currency=CURRENCY,
        holders=[Holder(customer_ref=str(d.client_id), role=RIGHTS[d.right]) for d in holders],
        unit_code=branch_code(files.account_by_id[account_id].district_id),
        status="closed" if known.get("closed_on") else "open",
        sequence=1,
        as_of=AS_OF,
        **known,
    )


def months_after(day: date, months: int) -> date:
    """The same day of a later month, or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
