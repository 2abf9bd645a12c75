"""After all faults: what the client was told is true in every database, on every topic and in the view."""

import json
from collections import Counter, defaultdict
from decimal import Decimal
from uuid import UUID

import aiohttp
import pytest

from guanxi.local.stack import SERVICES
from libs.common.outbox import adapter
from libs.common.publication import Publication
from libs.contracts.catalogue import EVENTS, REFERENCES, SECTIONS
from libs.contracts.customer import REFERENCE
from services.complaints.storage.section import PUBLICATIONS as COMPLAINTS
from services.customer.storage.section import PUBLICATIONS as CUSTOMER
from services.manager.domain.assignment import Rule
from services.manager.storage.section import PUBLICATIONS as MANAGER
from services.marketing.storage.section import PUBLICATIONS as MARKETING
from services.scoring.storage.section import PUBLICATIONS as SCORING
from tests.faults.bank import Bank
from tests.faults.core import SOURCE
from tests.faults.settling import LISTENERS, ids, marks, sections_marked, shown, to_be_heard
from tests.faults.topics import Event, last_versions, read_events, without_repeats
from tests.polling import until

pytestmark = [pytest.mark.deep, pytest.mark.kills]

SAMPLE = 40
OUTBOX = "SELECT event_id, key, subject::text, sequence FROM outbox ORDER BY id"


async def test_every_acknowledged_command_is_stored_and_nothing_else_is(settled: Bank) -> None:
    ledger, databases = settled.driver.ledger, settled.databases
    sources = await databases.rows("customer", "SELECT customer_id::text, source_id FROM source_references")
    assert sorted(map(tuple, sources)) == sorted((id_, known.source_id) for id_, known in ledger.customers.items())
    assert sorted(await ids(databases, "customer", "SELECT id::text FROM customers")) == sorted(ledger.customers)
    opened = "SELECT id::text, main_holder_id::text FROM accounts WHERE source <> $1"
    accounts = await databases.rows("customer", opened, SOURCE)
    assert sorted(map(tuple, accounts)) == sorted(ledger.accounts.items())
    assert len(ledger.accounts) > SAMPLE


async def test_what_the_core_stated_and_booked_stands_once_on_its_account(settled: Bank) -> None:
    core, databases = settled.core, settled.databases
    query = """
        SELECT t.transaction_ref, a.main_holder_id::text, t.amount FROM transactions AS t
        JOIN accounts AS a ON a.id = t.account_id
    """
    told = [(ref, core.holders[each.account_ref], each.amount) for ref, each in core.booked.items()]
    assert sorted(map(tuple, await databases.rows("customer", query))) == sorted(told)
    assert len(told) > SAMPLE
    stated = await databases.rows(
        "customer", "SELECT main_holder_id::text, balance FROM accounts WHERE source = $1", SOURCE
    )
    assert sorted(map(tuple, stated)) == sorted((core.holders[ref], each.balance) for ref, each in core.stated.items())


async def test_each_booking_is_counted_once_into_its_day(settled: Bank) -> None:
    query = """
        SELECT a.main_holder_id::text, sum(d.inflow), sum(d.outflow), sum(d.bookings)::int
        FROM daily_flows AS d JOIN accounts AS a ON a.id = d.account_id GROUP BY 1
    """
    flows: dict[str, list[Decimal | int]] = defaultdict(lambda: [Decimal(0), Decimal(0), 0])
    for each in settled.core.booked.values():
        of = flows[settled.core.holders[each.account_ref]]
        of[0 if each.direction == "credit" else 1] += each.amount
        of[2] += 1
    counted = await settled.databases.rows("customer", query)
    assert sorted(map(tuple, counted)) == sorted((customer_id, *of) for customer_id, of in flows.items())


async def test_every_complaint_is_where_its_last_acknowledged_move_left_it(settled: Bank) -> None:
    ledger = settled.driver.ledger
    rows = await settled.databases.rows(
        "complaints", "SELECT id::text, customer_id::text, status, version FROM complaints"
    )
    told = [(id_, ledger.complainants[id_], *history[-1]) for id_, history in ledger.complaints.items()]
    assert sorted(map(tuple, rows)) == sorted(told)
    assert {len(history) for history in ledger.complaints.values()} == {4}


@pytest.mark.parametrize("topic", EVENTS, ids=lambda topic: topic.name)
async def test_every_recorded_event_is_on_its_topic_in_the_order_of_its_key(settled: Bank, topic: object) -> None:
    name = str(getattr(topic, "name", topic))
    recorded = [Event(*row) for row in await settled.databases.rows(name.split(".")[1], OUTBOX)]
    logged = without_repeats(await read_events(settled.stack.kafka.bootstrap, name))
    assert {event.id for event in logged} == {event.id for event in recorded}
    assert by_key(logged) == by_key(recorded)
    for sequences in by_subject(logged).values():
        assert sequences == sorted(set(sequences))


@pytest.mark.parametrize("app", LISTENERS)
async def test_every_event_was_handled_once_by_whoever_listens(settled: Bank, app: str) -> None:
    handled = await ids(settled.databases, app, "SELECT event_id FROM inbox")
    assert sorted(handled) == sorted(await to_be_heard(settled.databases, app))
    assert len(handled) > SAMPLE


async def test_every_event_with_a_customer_is_one_row_of_their_timeline(settled: Bank) -> None:
    kinds = {event.type: event for events in EVENTS.values() for event in events}
    told = set()
    for app in SERVICES:
        for event_id, type_, payload in await settled.databases.rows(app, "SELECT event_id, type, payload FROM outbox"):
            told |= {
                (event_id, customer_id) for customer_id in adapter(kinds[type_]).validate_json(payload).customers()
            }
    rows = await settled.databases.rows("customer", "SELECT id, customer_id FROM interactions")
    assert sorted(map(tuple, rows)) == sorted(told)


async def test_every_complaint_gave_somebody_one_task(settled: Bank) -> None:
    query = "SELECT cause_id::text FROM tasks WHERE rule = 'complaint_received'"
    assert sorted(await ids(settled.databases, "manager", query)) == sorted(settled.driver.ledger.complainants)


async def test_every_customer_has_one_main_manager(settled: Bank) -> None:
    mains = Counter(
        await ids(
            settled.databases,
            "manager",
            "SELECT customer_id::text FROM assignments WHERE ended_at IS NULL AND role = 'main'",
        )
    )
    assert mains == Counter(list(settled.driver.ledger.customers))


async def test_every_account_that_was_opened_earned_its_points_once(settled: Bank) -> None:
    lots = await settled.databases.rows("marketing", "SELECT source_id::text, points FROM points_lots")
    assert sorted(map(tuple, lots)) == sorted((id_, 100) for id_ in settled.driver.ledger.accounts)
    ledger = "SELECT points_account_id, sum(points)::int, max(sequence) FROM points_entries GROUP BY 1"
    balances = "SELECT id, balance, version::int FROM points_accounts"
    entered = await settled.databases.rows("marketing", ledger)
    assert sorted(map(tuple, entered)) == sorted(map(tuple, await settled.databases.rows("marketing", balances)))


async def test_every_acknowledged_spending_was_done_once(settled: Bank) -> None:
    query = "SELECT customer_id::text, 100 - balance FROM points_accounts"
    spent = {row[0]: row[1] for row in await settled.databases.rows("marketing", query)}
    assert spent == settled.driver.ledger.spent
    assert len(spent) > SAMPLE


async def test_everybody_with_an_account_has_a_score_whose_reasons_add_up(settled: Bank) -> None:
    query = """
        SELECT customer_id::text, contribution, (
            SELECT coalesce(sum((line ->> 'amount')::numeric), 0) FROM jsonb_array_elements(reasons) AS line)
        FROM scores
    """
    rows = await settled.databases.rows("scoring", query)
    assert sorted(row[0] for row in rows) == sorted(settled.driver.ledger.accounts.values())
    assert [row[1] for row in rows] == [row[2] for row in rows]


async def test_every_assignment_was_made_once_by_the_rule_or_by_a_person(settled: Bank) -> None:
    query = "SELECT id::text, customer_id::text, staff_id::text FROM assignments WHERE rule IS NULL"
    made = await settled.databases.rows("manager", query)
    told = [(id_, *who) for id_, who in settled.driver.ledger.assignments.items()]
    assert sorted(map(tuple, made)) == sorted(told)
    ruled = await ids(
        settled.databases, "manager", "SELECT customer_id FROM assignments WHERE rule = $1", Rule.SMALLEST_BOOK
    )
    assert len(ruled) == len(set(ruled))


@pytest.mark.parametrize("app", SERVICES)
async def test_no_event_became_a_dead_letter_or_was_parked(settled: Bank, app: str) -> None:
    assert await settled.databases.rows(app, "SELECT topic, cause FROM dead_letters") == []
    assert await settled.databases.rows(app, "SELECT type FROM outbox WHERE parked_because IS NOT NULL") == []


@pytest.mark.parametrize(
    ("app", "section", "publication"),
    [
        ("customer", "profile", CUSTOMER[0]),
        ("manager", "relationship", MANAGER[0]),
        ("complaints", "complaints", COMPLAINTS[0]),
        ("marketing", "marketing", MARKETING[0]),
        ("scoring", "scores", SCORING[0]),
    ],
)
async def test_the_view_holds_what_the_service_would_publish_now(
    settled: Bank, app: str, section: str, publication: Publication
) -> None:
    customers = [UUID(customer_id) for customer_id in settled.driver.ledger.customers]
    truth = {row[0]: json.loads(row[1]) for row in await settled.databases.rows(app, publication.query, customers)}
    query = "SELECT customer_id, staff, self FROM view.sections WHERE section = $1"
    rows = await settled.databases.rows("gateway", query, section)
    held = {row[0]: {"staff": json.loads(row[1]), "self": json.loads(row[2])} for row in rows}
    assert held == truth
    assert set(held) == set(customers)


async def test_the_gateway_answers_from_the_view_what_it_answers_live(settled: Bank) -> None:
    sample = settled.driver.ledger.newest[:: max(1, len(settled.driver.ledger.customers) // SAMPLE)]
    async with aiohttp.ClientSession(settled.stack.settings.gateway) as session:
        for customer_id in sample:
            kept = await ask(settled, session, customer_id, {})
            live = await ask(settled, session, customer_id, {"consistency": "live"})
            assert {n: part["data"] for n, part in kept.items()} == {n: part["data"] for n, part in live.items()}


@pytest.mark.parametrize("app", [*SERVICES, "gateway"])
async def test_every_directory_knows_every_customer_as_they_were_last_published(settled: Bank, app: str) -> None:
    published = await marks(settled.databases, "customer")
    rows = await settled.databases.rows(app, "SELECT customer_id, version FROM directory.customers")
    assert {(REFERENCE.name, row[0]): row[1] for row in rows} == {
        key: version for key, version in published.items() if key[0] == REFERENCE.name
    }


@pytest.mark.parametrize("topic", [*(t.name for t, _ in SECTIONS.values()), *(t.name for t in REFERENCES)])
async def test_the_last_record_of_each_key_is_its_newest_so_compaction_keeps_the_truth(
    settled: Bank, topic: str
) -> None:
    published = {}
    for app in SERVICES:
        published |= {key[1]: v for key, v in (await marks(settled.databases, app)).items() if key[0] == topic}
    assert await last_versions(settled.stack.kafka.bootstrap, topic) == published


async def test_the_reader_never_saw_a_version_fall(settled: Bank) -> None:
    assert await shown(settled.databases) == await sections_marked(settled.databases)
    assert settled.reader.falls == []
    assert min(settled.reader.polls.values()) > SAMPLE


async def ask(
    bank: Bank, session: aiohttp.ClientSession, customer_id: str, query: dict[str, str]
) -> dict[str, dict[str, object]]:
    """Every section `ok`: whoever is told that one is away asks again, as a channel does."""
    headers = {"Authorization": f"Bearer {bank.token_of_head(customer_id)}"}
    url = f"/api/v1/customers/{customer_id}/360"
    sections: dict[str, dict[str, object]] = {}

    async def are_ok() -> bool:
        async with session.get(url, headers=headers, params=query) as answer:
            assert answer.ok
            sections.update((await answer.json())["sections"])
        return {part["state"] for part in sections.values()} == {"ok"}

    await until(are_ok, f"every section of {customer_id} is ok, by {query}")
    return sections


def by_key(events: list[Event]) -> dict[UUID, list[UUID]]:
    found: dict[UUID, list[UUID]] = defaultdict(list)
    for event in events:
        found[event.key].append(event.id)
    return found


def by_subject(events: list[Event]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for event in events:
        found[event.subject].append(event.sequence)
    return found
