"""The Berka files once more, read without the importer's code: counts, sums and who holds what."""

import csv
import os
from collections import Counter, defaultdict
from decimal import Decimal
from functools import cached_property
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "berka-czech-bank"


EVERY = int(os.environ.get("BERKA_EVERY", "12"))
"""Of so many accounts one is taken, with all that hangs on it; 1 takes the whole bank, and a quarter of an hour."""
LOANS = "fin_loan_dev328.csv"


def sample(into: Path) -> Path:
    """The bank's files, with so many of its accounts."""
    accounts = {row[0] for row in rows(FOLDER, "fin_account.tsv") if int(row[0]) % EVERY == 1 % EVERY}
    disposed = [row for row in rows(FOLDER, "fin_disp.tsv") if row[2] in accounts]
    clients, rights = {row[1] for row in disposed}, {row[0] for row in disposed}
    (into / "fin_district.tsv").write_text((FOLDER / "fin_district.tsv").read_text(encoding="utf-8"), encoding="utf-8")
    for name, place, kept in (
        ("fin_client.tsv", 0, clients), ("fin_account.tsv", 0, accounts), ("fin_disp.tsv", 2, accounts),
        ("fin_card.tsv", 1, rights), ("fin_order.tsv", 1, accounts),
    ):  # fmt: skip
        lines = ["\t".join(row) for row in rows(FOLDER, name) if row[place] in kept]
        (into / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    header, *loans = (FOLDER / LOANS).read_text(encoding="utf-8").splitlines()
    kept_loans = [line for line in loans if line.split(",")[1] in accounts]
    (into / LOANS).write_text("\n".join([header, *kept_loans]) + "\n", encoding="utf-8")
    return into


def rows(folder: Path, name: str) -> list[list[str]]:
    return [line.split("\t") for line in (folder / name).read_text(encoding="utf-8").splitlines()]


class Facts:
    """Clients by their number as text, branches by their district's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.districts = [row[0] for row in rows(folder, "fin_district.tsv")]
        self.clients = {row[0]: row for row in rows(folder, "fin_client.tsv")}
        self.accounts = {row[0]: row for row in rows(folder, "fin_account.tsv")}
        self.dispositions = {row[0]: row for row in rows(folder, "fin_disp.tsv")}
        self.cards, self.orders = rows(folder, "fin_card.tsv"), rows(folder, "fin_order.tsv")
        with (folder / LOANS).open(newline="") as file:
            self.loans = list(csv.DictReader(file))

    @cached_property
    def branch_of(self) -> dict[str, str]:
        return {client: self.accounts[account][1] for _, client, account, _ in self.dispositions.values()}

    @cached_property
    def clients_of(self) -> dict[str, set[str]]:
        found = defaultdict(set)
        for client, district in self.branch_of.items():
            found[district].add(client)
        return found

    @cached_property
    def owner_of(self) -> dict[str, str]:
        """Account → client."""
        return {account: client for _, client, account, right in self.dispositions.values() if right == "O"}

    @cached_property
    def disponents(self) -> dict[str, str]:
        """Client → account."""
        return {client: account for _, client, account, right in self.dispositions.values() if right == "D"}

    @cached_property
    def holdings(self) -> dict[str, Counter[str]]:
        """Client → how many holdings of each kind they have."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for _, client, _, _ in self.dispositions.values():
            found[client]["current"] += 1
        for card in self.cards:
            found[self.dispositions[card[1]][1]]["debit_card"] += 1
        for loan in self.loans:
            found[self.owner_of[loan["account_id"]]]["loan"] += 1
        for order in self.orders:
            found[self.owner_of[order[1]]]["standing_order"] += 1
        return found

    @property
    def kinds(self) -> Counter[str]:
        counts = {"loan": len(self.loans), "debit_card": len(self.cards), "standing_order": len(self.orders)}
        return Counter({"current": len(self.accounts), **counts})

    @property
    def loan_sum(self) -> Decimal:
        return sum((Decimal(loan["amount"]) for loan in self.loans), Decimal())

    @property
    def order_sum(self) -> Decimal:
        return sum((Decimal(order[4]) for order in self.orders), Decimal())

    @property
    def paid_loans(self) -> int:
        return sum(loan["status"] == "A" for loan in self.loans)
