import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from guanxi.importers.berka_files import FILES, read_berka
from guanxi.importers.berka_statements import AS_OF, months_after, statements
from guanxi.local.failures import LocalFailure
from libs.contracts.core import Holder

SMALL = {
    "fin_district.tsv": "7\tKladno\tCentral Bohemia\t149893\n",
    "fin_client.tsv": "1\t1990-12-13\tF\t7\n2\t1965-02-04\tM\t7\n",
    "fin_account.tsv": "5\t7\t2015-03-24\tM\n",
    "fin_disp.tsv": "10\t2\t5\tD\n11\t1\t5\tO\n",
    "fin_card.tsv": "3\t11\tG\t2018-10-16\n",
    "fin_order.tsv": "29401\t5\tYZ\t87144583\t245.20\tHH\n29402\t5\tST\t89597016\t337.27\t  \n",
    "fin_loan_dev328.csv": "loan_id,account_id,date,amount,duration,payments,status\n"
    "4959,5,2014-01-31,8095.20,25,337.30,A\n4960,5,2014-01-31,100.00,12,8.33,B\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in SMALL.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_folder_without_the_files_is_said_in_one_sentence(folder: Path) -> None:
    for name in ("fin_card.tsv", "fin_order.tsv"):
        (folder / name).unlink()
    with pytest.raises(LocalFailure) as failure:
        read_berka(folder)
    assert str(failure.value) == f"{folder} lacks fin_card.tsv, fin_order.tsv: name the folder that holds them."
    assert failure.value.exit_status == os.EX_NOINPUT


@pytest.mark.parametrize("name", FILES)
def test_a_line_that_cannot_be_read_is_named(folder: Path, name: str) -> None:
    lines = SMALL[name].splitlines()
    (folder / name).write_text("\n".join([*lines, "broken", ""]))
    with pytest.raises(LocalFailure) as failure:
        read_berka(folder)
    assert str(failure.value) == f"{folder / name} cannot be read at line {len(lines) + 1}."
    assert failure.value.exit_status == os.EX_DATAERR


def test_an_owner_and_a_disponent_hold_the_account_and_the_owner_alone_what_hangs_on_it(folder: Path) -> None:
    stated = {core.account_ref: core for core in statements(read_berka(folder))}
    owner, disponent = Holder(customer_ref="1", role="owner"), Holder(customer_ref="2", role="authorised_user")
    assert stated.pop("account-5").holders == [owner, disponent]
    assert set(stated) == {"loan-4959", "loan-4960", "card-3", "order-29401", "order-29402"}
    assert all(core.holders == [owner] for core in stated.values())


def test_only_what_the_files_tell_is_stated(folder: Path) -> None:
    stated = {core.account_ref: core for core in statements(read_berka(folder))}
    paid, owed, card, order = (stated[ref] for ref in ("loan-4959", "loan-4960", "card-3", "order-29402"))
    assert (paid.status, paid.closed_on, paid.maturity_on) == ("closed", date(2016, 2, 29), date(2016, 2, 29))
    assert (owed.status, owed.closed_on, owed.limit) == ("open", None, Decimal("100.00"))
    assert (card.kind, card.product, card.opened_on, card.limit) == ("debit_card", "gold", date(2018, 10, 16), None)
    assert (order.product, order.limit, order.opened_on) == ("unstated", Decimal("337.27"), None)
    assert {core.balance for core in stated.values()} == {None}
    assert {(core.unit_code, core.sequence, core.as_of) for core in stated.values()} == {("berka-7", 1, AS_OF)}
    assert "89597016" not in str(stated)


def test_a_month_that_is_shorter_ends_the_loan_on_its_last_day() -> None:
    assert months_after(date(2015, 12, 31), 2) == date(2016, 2, 29)
    assert months_after(date(2014, 1, 5), 24) == date(2016, 1, 5)
