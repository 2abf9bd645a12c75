"""The files of the PKDD'99 Berka bank: tab-separated without a header, but for the loans, a CSV with one.

What the import has no use for is not read: the districts' statistics, statement frequencies, monthly payments, and
the counterparties' account numbers, which are identifiers of people outside the bank.
"""

import csv
import os
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TypeVar

from guanxi.importers.berka_records import (
    BankAccount,
    BankClient,
    BerkaFiles,
    Card,
    Disposition,
    District,
    Loan,
    Order,
)
from guanxi.local.failures import LocalFailure

DISTRICTS, CLIENTS, ACCOUNTS = "fin_district.tsv", "fin_client.tsv", "fin_account.tsv"
DISPOSITIONS, CARDS, ORDERS, LOANS = "fin_disp.tsv", "fin_card.tsv", "fin_order.tsv", "fin_loan_dev328.csv"
FILES = (DISTRICTS, CLIENTS, ACCOUNTS, DISPOSITIONS, CARDS, ORDERS, LOANS)

Row = list[str]
T = TypeVar("T")


def read_berka(folder: Path) -> BerkaFiles:
    """Read a folder's files.

    Raises:
        LocalFailure: one of them is missing, or a line of it cannot be read.
    """
    if lacking := [name for name in FILES if not (folder / name).is_file()]:
        raise LocalFailure(f"{folder} lacks {', '.join(lacking)}: name the folder that holds them.", os.EX_NOINPUT)
    return BerkaFiles(
        districts=_read(folder / DISTRICTS, lambda row: District(int(row[0]), row[1])),
        clients=_read(folder / CLIENTS, lambda row: BankClient(int(row[0]), _date(row[1]), row[2])),
        accounts=_read(folder / ACCOUNTS, lambda row: BankAccount(int(row[0]), int(row[1]), _date(row[2]))),
        dispositions=_read(folder / DISPOSITIONS, _disposition),
        cards=_read(folder / CARDS, lambda row: Card(int(row[0]), int(row[1]), row[2], _date(row[3]))),
        orders=_read(folder / ORDERS, lambda row: Order(int(row[0]), int(row[1]), Decimal(row[4]), row[5].strip())),
        loans=_read(folder / LOANS, _loan, delimiter=",", header=True),
    )


def _disposition(row: Row) -> Disposition:
    return Disposition(int(row[0]), int(row[1]), int(row[2]), row[3])


def _loan(row: Row) -> Loan:
    return Loan(int(row[0]), int(row[1]), _date(row[2]), Decimal(row[3]), int(row[4]), row[6])


def _date(text: str) -> date:
    return date.fromisoformat(text)


def _read(path: Path, parse: Callable[[Row], T], *, delimiter: str = "\t", header: bool = False) -> list[T]:
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file, delimiter=delimiter)
        found: list[T] = []
        for row in lines:
            if header and lines.line_num == 1:
                continue
            try:
                found.append(parse(row))
            except (ValueError, IndexError, InvalidOperation):
                raise LocalFailure(f"{path} cannot be read at line {lines.line_num}.", os.EX_DATAERR) from None
    return found
