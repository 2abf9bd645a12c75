"""What waits for a timer is counted once its time has come, with the time of the oldest."""

from string import Template

import pytest

from libs.common.ids import new_id
from libs.common.queues import AUDIT, EVENTS
from services.complaints.storage import queues as complaints
from services.customer.storage import queues as customer
from services.manager.storage import queues as manager
from services.marketing.storage import queues as marketing
from services.scoring.storage import queues as scoring
from tests.services.conftest import Opened

QUEUES = {
    "customer": {**customer.QUEUES, **EVENTS, **AUDIT},
    "manager": manager.QUEUES,
    "complaints": complaints.QUEUES,
    "marketing": marketing.QUEUES,
    "scoring": scoring.QUEUES,
}
TODAY = "(now() AT TIME ZONE 'Asia/Shanghai')::date"
WORDS = {
    "today": TODAY,
    "before": f"{TODAY} - 2",
    "ago": "now() - interval '2 days'",
    "hence": "now() + interval '2 days'",
    "customers": "INSERT INTO customers (id, version, kind, name, name_folded, name_grams, status, logins, registered_at)",
    "person": "1, 'person', 'n', 'n', '{}', 'active', '{}', now()",
    "outbox": "INSERT INTO outbox (event_id, type, key, subject, sequence, payload, occurred_at, recorded_at,"
    " published_at, parked_because)",
    "dead_letters": "INSERT INTO dead_letters (id, topic, partition, position, cause, payload, raised_at, handled_at)",
    "tasks": "INSERT INTO tasks (id, version, customer_id, staff_id, kind, due_at, opened_at, status, ended_at)",
    "campaigns": "INSERT INTO campaigns (id, version, org_unit_id, code, name, channel, segment, message, author_id,"
    " drafted_at, status, started_at, selected_up_to, queued, suppressed)",
    "transactions": "INSERT INTO transactions (id, source, transaction_ref, account_number_sealed, account_number_index,"
    " account_number_masked, direction, amount, currency, booked_at, initiated_by, account_id)",
    "complaints": "INSERT INTO complaints (id, version, customer_id, number, regimes, channel, business, cause, facts,"
    " status, cycle, received_at, reply_due_at)",
    "scores": "INSERT INTO scores (id, version, customer_id, as_of, policy_id, currency, contribution, value_group,"
    " reasons, holdings, assets, initiated, last_initiated_on)",
    "policy": f"FROM contribution_policies WHERE effective_from <= {TODAY} ORDER BY effective_from DESC LIMIT 1",
}
STORIES: list[tuple[str, str, list[str]]] = [
    ("customer", "holdings", [
        "$customers VALUES ('$a', $person), ('$b', $person)",
        "INSERT INTO holdings (customer_id, id, version, due_at) VALUES ('$a', '$a', 1, $hence)",
        "INSERT INTO holdings (customer_id, id, version, due_at) VALUES ('$b', '$b', 1, $ago)",
    ]),
    ("customer", "grades", [
        "$customers VALUES ('$a', $person), ('$b', $person)",
        "INSERT INTO holdings (customer_id, id, version, grade_due_at) VALUES ('$a', '$a', 1, $hence)",
        "INSERT INTO holdings (customer_id, id, version, grade_due_at) VALUES ('$b', '$b', 1, $ago)",
    ]),
    ("customer", "flow_windows", [
        "$customers VALUES ('$a', $person), ('$b', $person)",
        "INSERT INTO holdings (customer_id, id, version, flows_until) VALUES ('$a', '$a', 1, $today)",
        "INSERT INTO holdings (customer_id, id, version, flows_until) VALUES ('$b', '$b', 1, $before)",
    ]),
    ("customer", "bookings", [
        "$transactions VALUES ('$old', 'core', '$b', '', '', '', 'credit', 1, 'CNY', now(), 'customer', NULL)",
    ]),
    ("customer", "outbox", [
        "$outbox VALUES ('$a', 't', '$a', '$a', 1, '', now(), $ago, now(), NULL)",
        "$outbox VALUES ('$b', 't', '$a', '$a', 2, '', now(), $ago, NULL, 'too large')",
        "$outbox VALUES ('$c', 't', '$c', '$c', 1, '', now(), $ago, NULL, NULL)",
    ]),
    ("customer", "parked", [
        "$outbox VALUES ('$a', 't', '$a', '$a', 1, '', now(), $ago, NULL, NULL)",
        "$outbox VALUES ('$b', 't', '$b', '$b', 1, '', now(), $ago, now(), 'too large')",
        "$outbox VALUES ('$c', 't', '$c', '$c', 1, '', now(), $ago, NULL, 'too large')",
    ]),
    ("customer", "documents", [
        "INSERT INTO publication_marks VALUES ('s', '$a', 1, false, $ago)",
        "INSERT INTO publication_marks VALUES ('s', '$b', 1, true, $ago)",
    ]),
    ("customer", "dead_letters", [
        "$dead_letters VALUES ('$a', 't', 0, 1, 'c', '', $ago, now())",
        "$dead_letters VALUES ('$b', 't', 0, 2, 'c', '', $ago, NULL)",
    ]),
    ("customer", "audit", [
        "INSERT INTO audit_chains VALUES ('$a', now(), 0, true), ('$b', now(), 1, false)",
        "INSERT INTO audit_entries VALUES ('$a', 1, '', '', $ago), ('$b', 1, '', '', $ago)",
        "INSERT INTO audit_entries VALUES ('$b', 2, '', '', $ago)",
    ]),
    ("manager", "customers", [
        "INSERT INTO org_units VALUES ('$a', 1, '$a', 'Branch', 'branch', '/$a/', NULL)",
        "INSERT INTO known_customers VALUES ('$old', 'retail', '$a', true), ('$b', 'retail', '$a', false)",
        "INSERT INTO staff VALUES ('$a', 1, '$a', 'Li', '{$a}', '{manager}', '{}', now(), NULL)",
    ]),
    ("manager", "tasks", [
        "INSERT INTO staff VALUES ('$a', 1, '$a', 'Li', '{}', '{manager}', '{}', now(), NULL)",
        "$tasks VALUES ('$a', 1, '$a', '$a', 'call', $hence, now(), 'open', NULL)",
        "$tasks VALUES ('$b', 1, '$a', '$a', 'call', $ago, now(), 'done', now())",
        "$tasks VALUES ('$c', 1, '$a', '$a', 'call', $ago, now(), 'open', NULL)",
    ]),
    ("manager", "waiting_tasks", [
        "INSERT INTO waiting_tasks VALUES ('$a', 'complaint_received', '$b', 'call_back', $ago, $hence)",
        "INSERT INTO staff VALUES ('$a', 1, '$a', 'Li', '{}', '{manager}', '{}', now(), now())",
        "INSERT INTO staff VALUES ('$c', 1, '$c', 'Li', '{}', '{manager}', '{}', now(), NULL)",
        "INSERT INTO assignments VALUES ('$a', 1, '$b', '$a', 'retail', 'main', NULL, NULL, $ago)",
        "UPDATE assignments SET staff_id = '$c' WHERE id = '$a'",
    ]),
    ("manager", "access_grants", [
        "INSERT INTO staff VALUES ('$a', 1, '$a', 'Li', '{}', '{manager}', '{}', now(), NULL)",
        "INSERT INTO access_grants VALUES ('$a', 1, '$a', '$a', 'deal', now(), $hence)",
        "INSERT INTO access_grants VALUES ('$b', 1, '$a', '$a', 'deal', now(), $ago, now())",
        "INSERT INTO access_grants VALUES ('$c', 1, '$a', '$a', 'deal', now(), $ago)",
    ]),
    ("marketing", "campaigns", [
        "UPDATE campaigns SET status = 'finished'",
        "$campaigns VALUES ('$a', 1, '$a', '$a', 'n', 'sms', '{}', 'm', '$a', now(), 'running', $ago, '$last', 0, 0)",
        "INSERT INTO audience (customer_id) VALUES ('$a')",
        "INSERT INTO audience (customer_id) VALUES ('$beyond')",
    ]),
    ("marketing", "points", [
        "INSERT INTO points_accounts VALUES ('$a', 1, '$a', 100)",
        "INSERT INTO points_lots VALUES ('$a', '$a', 'opened', '$a', 100, 100, $today), ('$b', '$a', 'opened', '$b', 9, 0, $before)",
        "INSERT INTO points_lots VALUES ('$c', '$a', 'opened', '$c', 100, 100, $before)",
    ]),
    ("complaints", "deadline_warnings", [
        "$complaints VALUES ('$a', 1, '$a', '$a', '{nfra}', 'phone', 'b', 'c', 'f', 'assigned', 1, now(), now())",
        "INSERT INTO deadline_warnings VALUES ('$a', '$a', 'reply', 1, 50, $hence)",
        "INSERT INTO deadline_warnings VALUES ('$b', '$a', 'reply', 1, 80, $ago, now())",
        "INSERT INTO deadline_warnings VALUES ('$c', '$a', 'reply', 1, 100, $ago)",
    ]),
    ("scoring", "scores", [
        "$scores SELECT '$a', 1, '$a', '2026-03-02', id, 'CNY', 1, 'low', '[]', '[]', 5, 1, $today - 89 $policy",
        "$scores SELECT '$b', 1, '$b', '2026-03-02', id, 'CNY', 1, 'low', '[]', '[]', 5, 1, $today - 92 $policy",
    ]),
    ("scoring", "scores", [
        "INSERT INTO contribution_policies SELECT '$c', p.version, $before, p.currency, p.ftp_deposits, p.ftp_loans,"
        " p.cost_per_account, p.pd, p.lgd, p.tax, p.capital, p.hurdle, p.valuable_from, p.high_from,"
        " p.cost_per_branch_contact FROM contribution_policies AS p LIMIT 1",
        "$scores SELECT '$a', 1, '$a', '2026-03-02', id, 'CNY', 1, 'low', '[]', '[]', 5, 1, $today $policy",
        "$scores SELECT '$b', 1, '$b', '2026-03-02', id, 'CNY', 1, 'low', '[]', '[]', 5, 1, $today FROM contribution_policies"
        " WHERE effective_from < $before LIMIT 1",
    ]),
    ("scoring", "rankings", [
        "DELETE FROM rankings",
        "INSERT INTO rankings (id, ranked_at, customers, recency, frequency, monetary, placed_up_to)"
        " VALUES (1, $ago, 1, '{}', '{}', '{}', '$last')",
        "$scores SELECT '$a', 1, '$a', '2026-03-02', id, 'CNY', 1, 'low', '[]', '[]', 5, 1, $today $policy",
        "$scores SELECT '$beyond', 1, '$b', '2026-03-02', id, 'CNY', 1, 'low', '[]', '[]', 5, 1, $today $policy",
    ]),
]  # fmt: skip
"""What is written: after all but the last nothing more waits, after the last one does, for two days at least."""
FAR = {
    "old": "01900000-0000-7000-8000-000000000001",
    "last": "ff000000-0000-7000-8000-000000000001",
    "beyond": "ff000000-0000-7000-8000-000000000002",
}
"""A UUIDv7 of 2024, and two behind all others."""


def test_every_queue_of_a_service_is_tried() -> None:
    assert {(service, queue) for service, queue, _ in STORIES} == {
        (service, queue) for service, queues in QUEUES.items() for queue in queues
    }


@pytest.mark.parametrize(("name", "queue", "lines"), STORIES, ids=[f"{name}-{queue}" for name, queue, _ in STORIES])
async def test_what_waits_is_counted(service: Opened, name: str, queue: str, lines: list[str]) -> None:
    connection, asked = await (await service(name)).connect(), QUEUES[name][queue]
    ids = {letter: str(new_id()) for letter in "abc"}
    *others, last = (Template(line).substitute(WORDS | FAR | ids) for line in lines)
    transaction = connection.transaction()
    await transaction.start()
    try:
        for statement in others:
            await connection.execute(statement)
        before, _ = await connection.fetchrow(asked)
        await connection.execute(last)
        after, since = await connection.fetchrow(asked)
        assert after == before + 1
        assert await connection.fetchval("SELECT now() - $1::timestamptz >= interval '1 day'", since)
    finally:
        await transaction.rollback()
