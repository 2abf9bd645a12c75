"""A real bank of 77 branches, brought in by `guanxi import berka` and looked at through the API.

A twelfth of its 5,369 clients, so that it takes minutes; BERKA_EVERY=1 brings in all of them.
"""

import asyncio
import json
import logging
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from guanxi.client import Client, Refused
from guanxi.local.stack import Stack
from tests.e2e.berka_facts import FOLDER, Facts, sample
from tests.e2e.stacks import guanxi, started
from tests.faults.databases import Databases
from tests.faults.settling import TO_BE_TOLD
from tests.polling import until

pytestmark = [
    pytest.mark.deep,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the Berka files are not beside this checkout (../shared/data)"),
]

log = logging.getLogger(__name__)

AT_REST = """
    SELECT r.placed_up_to IS NULL AND (SELECT count(*) FROM scores) <= 2 * r.customers FROM rankings AS r
"""
MINUTES = 60
AT_ONCE = 8
Items = dict[str, dict[str, Any]]


@dataclass
class Bank:
    """The imported bank as its people see it. Customers are named by their number in the files."""

    stack: Stack
    facts: Facts
    ids: dict[str, str] = field(default_factory=dict)

    def sign_in(self, login: str, role: str) -> Client:
        return Client(self.stack.settings.gateway, self.stack.issuer.token(login, [role]))

    def head_office(self) -> Client:
        """Reaches every branch."""
        return self.sign_in("branch_head-berka", "branch_head")

    def head(self, district: str) -> Client:
        return self.sign_in(f"branch_head-berka-{district}", "branch_head")

    def admin(self) -> Client:
        return self.sign_in("admin", "admin")


async def everything(person: Client, what: str, **query: str) -> list[dict[str, Any]]:
    """A list, page by page."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await person.get(f"/api/v1/{what}", limit="200", **query, **cursor)
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


async def by_number(person: Client, **query: str) -> Items:
    """`Client 12` → 12."""
    return {c["name"].removeprefix("Client "): c for c in await everything(person, "customers", **query)}


async def view(person: Client, customer_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await person.get(f"/api/v1/customers/{customer_id}/360"))["sections"]
    return found


async def complete(bank: Bank) -> None:
    """Return once the view says itself that it holds everything that was stated until now."""
    now = datetime.now(UTC)
    async with bank.head_office() as person:

        async def as_of_now() -> bool:
            customers = (await person.get("/api/v1/customers", limit="1"))["items"]
            sections = (await view(person, customers[0]["id"])).values()
            return all(s["as_of"] and datetime.fromisoformat(s["as_of"]) > now for s in sections)

        await until(as_of_now, seconds=8 * MINUTES)


async def arrived_everywhere(bank: Bank) -> None:
    """Return once every client has a manager, and the branch heads together reach every client."""

    async def has_managers() -> bool:
        async with bank.head_office() as person:
            return len(await everything(person, "assignments")) == len(bank.facts.clients)

    async def are_reached() -> bool:
        reached = 0
        for district in bank.facts.districts:
            async with bank.head(district) as head:
                reached += len(await everything(head, "customers"))
        return reached == len(bank.facts.clients)

    await until(has_managers, seconds=4 * MINUTES)
    await until(are_reached, seconds=4 * MINUTES)


async def for_each(things: list[str], do: Callable[[str], Awaitable[None]]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(thing: str) -> None:
        async with gate:
            await do(thing)

    await asyncio.gather(*[one(thing) for thing in things])


@pytest.fixture(scope="module")
async def bank(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bank]:
    folder = sample(tmp_path_factory.mktemp("files"))
    async with started(tmp_path_factory.mktemp("berka")) as stack:
        yield await imported(stack, Facts(folder))


async def imported(stack: Stack, facts: Facts) -> Bank:
    bank, began = Bank(stack, facts), time.monotonic()
    status, output = await guanxi(stack.settings, "import", "berka", str(facts.folder))
    assert status == 0, output
    entered = time.monotonic()
    await complete(bank)
    await arrived_everywhere(bank)
    log.info("entered in %.1f s, view complete %.1f s later", entered - began, time.monotonic() - entered)
    async with bank.head_office() as person:
        bank.ids = {number: row["id"] for number, row in (await by_number(person)).items()}
    return bank


async def test_every_client_is_a_prospect_with_what_the_file_tells(bank: Bank) -> None:
    async with bank.head_office() as person:
        found = await by_number(person)
        assert set(found) == set(bank.facts.clients)
        assert {(c["kind"], c["status"]) for c in found.values()} == {("person", "prospect")}

        async def details_agree(number: str) -> None:
            shown = await person.get(f"/api/v1/customers/{bank.ids[number]}")
            _, born, sex, _ = bank.facts.clients[number]
            assert (shown["birth_date"], shown["gender"]) == (born, {"M": "1", "F": "2"}[sex])
            assert shown["documents"] == shown["contact_points"] == []

        await for_each(list(bank.facts.clients)[::60], details_agree)


async def test_each_branch_head_lists_the_clients_of_the_branch_and_nobody_else(bank: Bank) -> None:
    async def agrees(district: str) -> None:
        async with bank.head(district) as head:
            assert set(await by_number(head)) == bank.facts.clients_of[district]

    assert len(bank.facts.districts) == 77
    await for_each(bank.facts.districts, agrees)


async def test_each_manager_looks_after_the_clients_of_the_branch(bank: Bank) -> None:
    district = max(bank.facts.districts, key=lambda d: len(bank.facts.clients_of[d]))
    async with bank.sign_in(f"manager-berka-{district}", "manager") as manager:
        assert set(await by_number(manager)) == bank.facts.clients_of[district]


async def test_accounts_loans_cards_and_orders_agree_with_the_files(bank: Bank) -> None:
    async with bank.head_office() as person:
        accounts = await everything(person, "accounts")
    assert Counter(a["kind"] for a in accounts) == bank.facts.kinds
    limits: Counter[str] = Counter()
    for account in accounts:
        limits[account["kind"]] += Decimal(account["limit"] or 0)  # type: ignore[assignment] # a Counter of money
    assert limits == {
        "loan": bank.facts.loan_sum,
        "standing_order": bank.facts.order_sum,
        "current": Decimal(),
        "debit_card": Decimal(),
    }
    assert sum(a["closed_on"] is not None for a in accounts) == bank.facts.paid_loans
    assert {(a["origin"], a["currency"], a["balance"]) for a in accounts} == {("core", "CZK", None)}


async def test_the_view_of_owners_and_authorised_users_tells_them_apart(bank: Bank) -> None:
    async with bank.head_office() as person:

        async def agrees(number: str) -> None:
            sections = await view(person, bank.ids[number])
            assert {section["state"] for section in sections.values()} == {"ok"}
            profile = sections["profile"]["data"]
            role = "authorised_user" if number in bank.facts.disponents else "owner"
            assert Counter(h["kind"] for h in profile["holdings"]) == bank.facts.holdings[number]
            assert {h["role"] for h in profile["holdings"]} == {role}
            assert profile["balances"] == {}
            assert {h["balance"] for h in profile["holdings"]} == {None}
            assert profile["source_references"] == [f"berka:{number}"]
            assert len(sections["relationship"]["data"]["managers"]) == 1

        disponents = list(bank.facts.disponents)[::20]
        owners = [bank.facts.owner_of[bank.facts.disponents[number]] for number in disponents]
        await for_each([*disponents, *owners, *list(bank.facts.clients)[::50]], agrees)


async def test_another_branch_learns_nothing_of_a_customer_by_any_way(bank: Bank) -> None:
    here, elsewhere = "1", "2"
    number = next(iter(sorted(bank.facts.clients_of[here])))
    name, path = f"Client {number}", f"/api/v1/customers/{bank.ids[number]}"
    async with bank.head(here) as head, bank.head(elsewhere) as stranger:
        assert (await head.get(path))["name"] == name
        assert (await view(head, bank.ids[number]))["profile"]["data"]["name"] == name
        assert number in await by_number(head, name=name)
        assert number not in await by_number(stranger)
        assert number not in await by_number(stranger, name=name)
        for wanted in (path, f"{path}/360"):
            unknown = wanted.replace(bank.ids[number], str(uuid.uuid4()))
            assert await refusal(stranger, wanted) == await refusal(stranger, unknown)
            assert (await refusal(stranger, wanted))["status"] == 404


async def refusal(person: Client, path: str) -> dict[str, Any]:
    with pytest.raises(Refused) as refused:
        await person.get(path)
    return {name: value for name, value in refused.value.problem.items() if name != "trace_id"}


async def test_a_second_import_changes_nothing(bank: Bank) -> None:
    await nothing_is_due(bank)
    await complete(bank)
    await everybody_is_ranked(bank)
    await complete(bank)
    before, began = await versions(bank), time.monotonic()
    status, output = await guanxi(bank.stack.settings, "import", "berka", str(bank.facts.folder))
    assert status == 0, output
    await complete(bank)
    log.info("second import in %.1f s", time.monotonic() - began)
    assert await versions(bank) == before


async def nothing_is_due(bank: Bank) -> None:
    """What the import stated is added up and graded, each customer when their turn comes."""
    databases = Databases(bank.stack.postgres)

    async def all_is_told() -> bool:
        return bool(await databases.value("customer", TO_BE_TOLD) == 0)

    await until(all_is_told, seconds=4 * MINUTES)
    await databases.close()


async def everybody_is_ranked(bank: Bank) -> None:
    """By bounds that are drawn again when the bank has doubled, a while after its customers have their scores."""
    databases = Databases(bank.stack.postgres)

    async def at_rest() -> bool:
        return bool(await databases.value("scoring", AT_REST))

    await until(at_rest, seconds=4 * MINUTES)
    await databases.close()


async def versions(bank: Bank) -> dict[str, int | None]:
    """Of everything that the import made, and of what the view shows of every 50th customer."""
    found: dict[str, int | None] = {}
    async with bank.head_office() as person, bank.admin() as admin:
        for who, what in ((person, "customers"), (person, "accounts"), (admin, "org-units"), (admin, "staff")):
            found |= {f"{what} {thing['id']}": thing["version"] for thing in await everything(who, what)}
        for number in list(bank.facts.clients)[::50]:
            for name, section in (await view(person, bank.ids[number])).items():
                found[f"{name} of {number}"] = section["version"]
    return found


async def test_the_doctor_finds_nothing_wrong(bank: Bank) -> None:
    status, output = await guanxi(bank.stack.settings, "doctor", "--json")
    assert [finding for finding in json.loads(output)["findings"] if not finding["well"]] == []
    assert status == 0
