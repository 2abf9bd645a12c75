"""The section `profile` and the reference of customers: one statement each, for n customers."""

from collections.abc import Iterable
from uuid import UUID

from libs.common.domain import DomainEvent
from libs.common.publication import Publication, customers_of
from libs.contracts.customer import REFERENCE, SECTION, HoldingsChanged
from services.customer.domain.holdings import WINDOWS

CORE = ("core.accounts.v1", "core.transactions.v1")
"""What the profile tells comes from here and from commands: it shows nothing of the timeline."""
DAYS = ", ".join(f"({days})" for days in WINDOWS)

SHOWN = """
    'version', c.version, 'name', c.name, 'kind', c.kind, 'status', c.status, 'documents', d.documents,
    'contact_points', p.contact_points, 'holdings', h.holdings, 'holding_count', h.holding_count, 'balances', b.balances
"""

PROFILE = f"""
    SELECT c.id, json_build_object(
        'staff', json_build_object({SHOWN}, 'home_unit_id', c.home_unit_id, 'birth_date', c.birth_date,
            'gender', c.gender, 'registered_at', c.registered_at, 'source_references', s.source_references,
            'flows', f.flows, 'grade', c.grade, 'relations', r.relations),
        'self', json_build_object({SHOWN}))::text
    FROM customers AS c
    CROSS JOIN LATERAL (
        SELECT coalesce(json_agg(json_build_object(
            'type', type, 'number', number_masked, 'valid_to', valid_to) ORDER BY id), '[]') AS documents
        FROM identity_documents WHERE customer_id = c.id) AS d
    CROSS JOIN LATERAL (
        SELECT coalesce(json_agg(json_build_object(
            'contact_point_id', id, 'kind', kind, 'value', value_masked) ORDER BY id), '[]') AS contact_points
        FROM contact_points WHERE customer_id = c.id) AS p
    CROSS JOIN LATERAL (
        SELECT coalesce(json_agg(json_build_object(
            'account_id', a.id, 'kind', a.kind, 'product', a.product, 'number', a.number_masked, 'role', a.role,
            'status', a.status, 'currency', a.currency,
            'balance', CASE WHEN a.role <> 'authorised_user' THEN a.balance::text END,
            'opened_on', a.opened_on, 'maturity_on', a.maturity_on) ORDER BY a.id) FILTER (WHERE a.place <= 200), '[]')
            AS holdings, count(*) AS holding_count
        FROM (SELECT a.*, o.role, row_number() OVER (ORDER BY a.status DESC, a.id DESC) AS place
              FROM account_holders AS o JOIN accounts AS a ON a.id = o.account_id WHERE o.customer_id = c.id) AS a) AS h
    CROSS JOIN LATERAL (
        SELECT coalesce(json_object_agg(currency, total::text), '{{}}') AS balances FROM (
            SELECT a.currency, sum(a.balance) AS total
            FROM account_holders AS o JOIN accounts AS a ON a.id = o.account_id
            WHERE o.customer_id = c.id AND o.role <> 'authorised_user' AND a.balance IS NOT NULL
              AND a.status = 'open' AND a.kind NOT IN ('loan', 'credit_card', 'debit_card', 'standing_order')
            GROUP BY a.currency ORDER BY a.currency) AS sums) AS b
    CROSS JOIN LATERAL (
        SELECT coalesce(json_agg(source || ':' || source_id ORDER BY source, source_id), '[]') AS source_references
        FROM source_references WHERE customer_id = c.id) AS s
    CROSS JOIN LATERAL (
        SELECT coalesce(json_agg(json_build_object('currency', f.currency, 'days', f.days, 'until', f.until,
            'inflow', f.inflow::text, 'outflow', f.outflow::text, 'bookings', f.bookings, 'initiated', f.initiated)
            ORDER BY f.currency, f.days), '[]') AS flows
        FROM (
            SELECT f.currency, w.days, u.flows_until AS until, sum(f.inflow) AS inflow, sum(f.outflow) AS outflow,
                sum(f.bookings) AS bookings, sum(f.initiated) AS initiated
            FROM holdings AS u JOIN account_holders AS o ON o.customer_id = u.customer_id
            JOIN daily_flows AS f ON f.account_id = o.account_id
            JOIN (VALUES {DAYS}) AS w (days) ON f.day <= u.flows_until AND f.day > u.flows_until - w.days
            WHERE u.customer_id = c.id AND o.role <> 'authorised_user'
            GROUP BY f.currency, w.days, u.flows_until) AS f) AS f
    CROSS JOIN LATERAL (
        SELECT coalesce(json_agg(json_build_object('relation_id', id, 'customer_id', customer_id,
            'related_id', related_id, 'kind', kind, 'added_at', added_at) ORDER BY id), '[]') AS relations
        FROM relations WHERE c.id IN (customer_id, related_id) AND ended_at IS NULL) AS r
    WHERE c.id = ANY($1::uuid[])
"""  # noqa: S608 - the only thing put in is a constant

CUSTOMER_REFERENCE = """
    SELECT c.id, json_build_object('status', c.status, 'kind', c.kind, 'home_unit_id', c.home_unit_id,
        'grade', c.grade, 'canonical_id', c.id, 'partner_consents', n.parties, 'logins', c.logins)::text
    FROM customers AS c
    CROSS JOIN LATERAL (
        SELECT coalesce(json_agg(party ORDER BY party), '[]') AS parties FROM consents
        WHERE customer_id = c.id AND purpose = 'third_party_sharing' AND withdrawn_at IS NULL) AS n
    WHERE c.id = ANY($1::uuid[])
"""


def dirtied(event: DomainEvent) -> Iterable[UUID]:
    """What is told of holdings is what changed before, and is shown already."""
    return () if isinstance(event, HoldingsChanged) else customers_of(event)


PUBLICATIONS = (
    Publication(topic=SECTION, permission="sections:profile", keys=dirtied, query=PROFILE, rests_on=CORE),
    # Nobody's rights rest on what the core states, or on the timeline: a long import must not lock the staff out.
    Publication(topic=REFERENCE, keys=dirtied, query=CUSTOMER_REFERENCE, rests_on=()),
)
