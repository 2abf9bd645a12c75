"""A bank of twelve customers and eleven callers, the same in the database of every app."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import httpx

from gateway.webhooks.secrets import new_secret, seal
from guanxi.local.issuer import ISSUER
from libs.common.app import App
from libs.common.clients import HEADER, client_credential
from libs.common.encryption import FieldCipher
from libs.common.keyring import KeyRing
from libs.common.sealing import Sealer
from libs.contracts.catalogue import REFERENCES
from tests.conftest import Ground
from tests.security.expected import CUSTOMERS, MASKED, ROLES, STAFF, UNITS

PARTNER, ANOTHER = "matrix-partner", "another"


def _id(kind: int, place: int) -> UUID:
    """Fixed, and newer than what other tests make: lists show these first."""
    return UUID(f"fffffff{kind:x}-0000-7000-8000-{place:012d}")


CUSTOMER_IDS = {name: _id(1, place) for place, name in enumerate(CUSTOMERS)}
THING_IDS = {name: _id(2, place) for place, name in enumerate(CUSTOMERS)}
"""A thing of each customer's in every table that holds such things."""
ANOTHERS_DELIVERY = _id(7, 0)
UNIT_IDS = {name: _id(3, place) for place, name in enumerate(sorted(UNITS - {"nowhere"}))}
COLLEAGUE_IDS = {name: _id(4, place) for place, name in enumerate(sorted(UNITS))}
WEBHOOK_IDS = {name: _id(6, place) for place, name in enumerate((PARTNER, ANOTHER))}
CALLER_IDS = {role: _id(5, place) for place, role in enumerate(sorted(STAFF | {"admin"}))}

PATHS = {name: "/".join(["", *[str(UNIT_IDS[part]) for part in up], ""]) for name, up in (
    ("R", ["R"]), ("B1", ["R", "B1"]), ("S", ["R", "B1", "S"]), ("B2", ["R", "B2"]),
)}  # fmt: skip
HOMES = {
    **dict.fromkeys(("own", "team", "branch", "walled"), "B1"),
    "sub": "S",
    **dict.fromkeys(("outside", "moved", "covered", "granted", "consented", "mine", "case"), "B2"),
}
CALLERS = list(CALLER_IDS.values())
LOOKED_AFTER_BY = {
    **dict.fromkeys(("own", "moved", "walled"), CALLERS),
    **{name: [COLLEAGUE_IDS[unit]] for name, unit in (("team", "B1"), ("sub", "S"), ("outside", "B2"))},
}


@dataclass(frozen=True)
class Bank:
    ground: Ground
    apps: dict[str, App]

    def client(self, app: str, role: str, *, internal: bool = False) -> httpx.AsyncClient:
        opened = self.apps[app]
        subject = PARTNER if role == "partner" else f"matrix-{role}"
        headers = {
            "Authorization": f"Bearer {self.ground.issuer.token(subject, [role], stepped_up=True)}",
            "Guanxi-Reason": "matrix",
        }
        if internal:
            shared = opened.chassis
            headers[HEADER] = client_credential(shared.shared_keyring, "gateway", "127.0.0.1", shared.clock)
        transport = httpx.ASGITransport(opened.internal if internal else opened.public, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://app", headers=headers)


async def fill(bank: Bank) -> None:
    for name, app in bank.apps.items():
        connection = await asyncpg.connect(app.chassis.settings.dsn)
        try:
            await _directory(connection)
            await _rows(connection, name, app.chassis.keyring)
        finally:
            await connection.close()


async def hear(bank: Bank) -> None:
    for app in bank.apps.values():
        connection = await asyncpg.connect(app.chassis.settings.dsn)
        await _hear(connection)
        await connection.close()


async def _hear(connection: asyncpg.Connection) -> None:
    rows = [(topic.name, datetime.now(UTC)) for topic in REFERENCES]
    await connection.executemany(
        "INSERT INTO directory.watermarks VALUES ($1, 0, $2)"
        " ON CONFLICT (topic, partition) DO UPDATE SET as_of = excluded.as_of",
        rows,
    )


async def _directory(connection: asyncpg.Connection) -> None:
    await _hear(connection)
    await connection.executemany(
        "INSERT INTO directory.org_units (org_unit_id, version, changed_at, code, name, kind, path)"
        " VALUES ($1, 1, now(), $2, $2, 'branch', $3)",
        [(id_, f"matrix {name}", PATHS[name]) for name, id_ in UNIT_IDS.items()],
    )
    walled, granted = CUSTOMER_IDS["walled"], CUSTOMER_IDS["granted"]
    colleagues = [(id_, _units(name), ["manager"], [], [], []) for name, id_ in COLLEAGUE_IDS.items()]
    callers = [
        (id_, [] if role == "admin" else _units("B1"), [role], [f"{ISSUER} matrix-{role}"], [granted, walled], [walled])
        for role, id_ in CALLER_IDS.items()
    ]
    await connection.executemany(
        "INSERT INTO directory.staff (staff_id, version, changed_at, unit_ids, roles, logins, grants, walls, active)"
        " VALUES ($1, 1, now(), $2, $3, $4, $5, $6, true)",
        colleagues + callers,
    )
    await connection.executemany(
        "INSERT INTO directory.customers (customer_id, version, changed_at, status, kind, home_unit_id, canonical_id,"
        " partner_consents, logins) VALUES ($1, 1, now(), 'prospect', 'person', $2, $1, $3, $4)",
        [
            (
                id_,
                UNIT_IDS[HOMES[name]],
                [PARTNER] if name == "consented" else [],
                [f"{ISSUER} matrix-customer"] if name == "mine" else [],
            )
            for name, id_ in CUSTOMER_IDS.items()
        ],
    )
    await connection.executemany(
        "INSERT INTO directory.assignments VALUES ($1, 1, now(), $2, $3)",
        [(id_, LOOKED_AFTER_BY.get(n, []), CALLERS if n == "covered" else []) for n, id_ in CUSTOMER_IDS.items()],
    )
    await connection.execute("INSERT INTO directory.cases VALUES ($1, 1, now(), $2)", CUSTOMER_IDS["case"], CALLERS)


def _units(name: str) -> list[UUID]:
    return [UNIT_IDS[name]] if name in UNIT_IDS else []


async def _rows(connection: asyncpg.Connection, app: str, ring: KeyRing) -> None:
    """A row of each customer's in every table of a service, and each unit and colleague where they are kept."""
    if app == "marketing":
        await connection.executemany(CAMPAIGN, [(id_, name) for name, id_ in UNIT_IDS.items()])
    sealer = Sealer(ring)
    for statement in ROWS[app]:
        for name, customer_id in CUSTOMER_IDS.items():
            values = {"customer": f"'{customer_id}'", "thing": f"'{THING_IDS[name]}'", "name": f"'matrix {name}'"}
            index = sealer.indexes("passport", number_of(name))[0].hex()
            last = sealer.last_indexes("identity_documents.number", number_of(name)[-4:])[0].hex()
            units = {"home": f"'{UNIT_IDS[HOMES[name]]}'", "b1": f"'{UNIT_IDS['B1']}'", "index": f"'\\x{index}'"}
            units |= {"last": f"'\\x{last}'", "masked": f"'{MASKED}'"}
            await connection.execute(statement.format(**values, **units, staff=f"'{COLLEAGUE_IDS['B1']}'"))
    if app == "manager":
        return
    if app == "gateway":
        document = json.dumps(
            {
                "documents": [{"type": "passport", "number": MASKED}],
                "contact_points": [{"kind": "phone", "value": MASKED}],
                "holdings": [{"kind": "savings", "number": MASKED}, {"kind": "loan", "number": None}],
            }
        )
        rows = [(id_, "profile", document) for id_ in CUSTOMER_IDS.values()]
        await connection.executemany("INSERT INTO view.sections VALUES ($1, $2, 1, now(), $3, $3)", rows)
        await _webhooks(connection, FieldCipher(ring))


async def _webhooks(connection: asyncpg.Connection, cipher: FieldCipher) -> None:
    """One of each partner's, the one with a delivery of each customer's, the other of who consents to the first."""
    for place, (partner, webhook_id) in enumerate(WEBHOOK_IDS.items()):
        await connection.execute(
            "INSERT INTO edge.webhooks VALUES ($1, 1, $2, 'https://127.0.0.1/', '{}', '', now(), 'active')",
            webhook_id,
            partner,
        )
        secret = "INSERT INTO edge.webhook_secrets VALUES ($1, $1, $2, now())"
        await connection.execute(secret, webhook_id, seal(cipher, new_secret(), webhook_id))
        rows = THING_IDS if partner == PARTNER else {"consented": ANOTHERS_DELIVERY}
        await connection.executemany(
            "INSERT INTO edge.webhook_deliveries VALUES"
            " ($1, 1, $2, $1, 'crm.customer.updated.v1', $3, $3, 1, now(), $4, 'waiting', 0, now(), now())",
            [(id_, webhook_id, CUSTOMER_IDS[name], place) for name, id_ in rows.items()],
        )
        attempt = "INSERT INTO edge.webhook_attempts VALUES ($1, $1, now(), 500, NULL, 1)"
        await connection.executemany(attempt, [(id_,) for id_ in rows.values()])


async def fill_organisation(connection: asyncpg.Connection) -> None:
    await connection.executemany(
        "INSERT INTO org_units VALUES ($1, 1, $2, $2, 'branch', $3, NULL)",
        [(id_, f"matrix {name}", PATHS[name]) for name, id_ in UNIT_IDS.items()],
    )
    await connection.executemany(
        "INSERT INTO staff VALUES ($1, 1, $2, $2, $3, '{manager}', '{}', now(), NULL)",
        [(id_, f"matrix {name}", _units(name)) for name, id_ in COLLEAGUE_IDS.items()],
    )


def number_of(name: str) -> str:
    return f"M{list(CUSTOMERS).index(name):07d}"


CAMPAIGN = """
    INSERT INTO campaigns (id, version, org_unit_id, code, name, channel, segment, message, author_id, drafted_at, status,
        queued, suppressed)
    VALUES ($1, 1, $1, $2, 'n', 'sms', '{"holds": [], "lacks": [], "value_groups": [], "assets_from": null}', 'm', $1,
        now(), 'running', 0, 0)
"""
"""One of each unit's."""

ROWS: dict[str, list[str]] = {
    "customer": [
        "INSERT INTO customers VALUES ({customer}, 1, 'person', {name}, {name}, '{{}}', 'prospect', {home}, NULL, NULL,"
        " NULL, '{{}}', now())",
        "UPDATE customers SET name_grams = ARRAY(SELECT DISTINCT substr({name}, i, n) FROM generate_series(1, 20) AS i,"
        " generate_series(1, 2) AS n WHERE i + n - 1 <= length({name})) WHERE id = {customer}",
        "INSERT INTO identity_documents VALUES ({thing}, {customer}, 'passport', '\\x00', {index}, {masked}, NULL, NULL, {last})",
        "INSERT INTO source_references VALUES ('matrix', {name}, {customer})",
        "INSERT INTO customer_batches VALUES ({thing}, 0, {customer})",
        "INSERT INTO accounts (id, version, origin, source, number_sealed, number_index, number_masked, kind, product,"
        " currency, status, sequence, as_of, main_holder_id) VALUES ({thing}, 1, 'guanxi', 'matrix', '\\x00',"
        " {index}, {masked}, 'savings', 'p', 'CNY', 'open', 1, now(), {customer})",
        "INSERT INTO account_holders VALUES ({thing}, {customer}, 'owner')",
        "INSERT INTO relations VALUES ({thing}, 1, {customer}, {customer}, 'spouse', now())",
        "INSERT INTO interactions VALUES ({thing}, {customer}, 'customer', 't', {customer}, 1, now(), '{{}}')",
        "INSERT INTO holdings VALUES ({customer}, {thing}, 1, '2020-01-01')",
        "INSERT INTO reveals VALUES ({thing}, 1, {customer}, {staff}, 'account', {thing}, 'r', now(), now())",
        "INSERT INTO consents VALUES ({thing}, 1, {customer}, 'third_party_sharing', 'matrix', 'v1', now())",
    ],
    "manager": [
        "INSERT INTO assignments VALUES ({thing}, 1, {customer}, {staff}, 'retail', 'main', NULL, 'r', now())",
        "INSERT INTO access_grants VALUES ({thing}, 1, {customer}, {staff}, 'r', now(), now())",
        "INSERT INTO tasks (id, version, customer_id, staff_id, kind, due_at, opened_at, rule, cause_id, status)"
        " VALUES ({thing}, 1, {customer}, {staff}, 'k', now() - interval '1 year', now(), 'grade_watched', {thing}, 'open')",
        "INSERT INTO ethical_walls VALUES ({thing}, 1, {customer}, {staff}, 'r', now())",
        "INSERT INTO known_customers VALUES ({customer}, 'retail', {b1}, true)",
    ],
    "complaints": [
        "INSERT INTO complaints (id, version, customer_id, number, regimes, channel, business, cause, facts, status,"
        " cycle, received_at, reply_due_at) VALUES ({thing}, 1, {customer}, {name}, '{{nfra}}', 'phone', 'b', 'c', 'f',"
        " 'received', 1, now(), now())",
        "INSERT INTO deadline_warnings VALUES ({thing}, {thing}, 'statutory', 1, 50, now() - interval '1 year')",
    ],
    "marketing": [
        "INSERT INTO points_accounts VALUES ({thing}, 1, {customer}, 0)",
        "INSERT INTO points_lots VALUES ({thing}, {thing}, 'r', {thing}, 1, 1, '2020-01-01')",
        "INSERT INTO points_entries VALUES ({thing}, {thing}, 1, 'earn', {thing}, 0, 0, NULL, now())",
        "INSERT INTO campaign_members VALUES ({thing}, 1, {b1}, {customer}, 'sms', now(), 'queued')",
        "INSERT INTO audience (customer_id) VALUES ({customer})",
    ],
    "scoring": [
        "INSERT INTO scores (id, version, customer_id, as_of, policy_id, currency, contribution, value_group, reasons, holdings,"
        " assets, initiated) SELECT {thing}, 1, {customer}, '2026-03-02', id, 'CNY', 1, 'low', '[]', '[]', 0, 0"
        " FROM contribution_policies LIMIT 1",
    ],
    "gateway": [],
}
assert set(HOMES) == set(CUSTOMERS)
assert set(CALLER_IDS) | {"customer", "partner"} == ROLES
