"""The section `complaints` and the reference of who handles whose case: one statement each, for n customers."""

from libs.common.publication import Publication, customers_of
from libs.contracts.complaints import CASE_REFERENCE, SECTION

COMPLAINTS = """
    SELECT k.key, json_build_object(
        'staff', json_build_object('open', count(c.id) FILTER (WHERE c.closed_at IS NULL), 'complaints', coalesce(
            json_agg(json_build_object(
                'complaint_id', c.id, 'number', c.number, 'status', c.status, 'received_at', c.received_at,
                'due_at', c.reply_due_at, 'replied_at', c.replied_at, 'channel', c.channel, 'business', c.business,
                'cause', c.cause, 'handler_id', c.handler_id) ORDER BY c.id DESC)
            FILTER (WHERE c.place <= 20), '[]')),
        'self', json_build_object('open', count(c.id) FILTER (WHERE c.closed_at IS NULL), 'complaints', coalesce(
            json_agg(json_build_object(
                'complaint_id', c.id, 'number', c.number, 'status', c.status, 'received_at', c.received_at,
                'due_at', c.reply_due_at, 'replied_at', c.replied_at) ORDER BY c.id DESC)
            FILTER (WHERE c.place <= 20), '[]')))::text
    FROM unnest($1::uuid[]) AS k (key)
    LEFT JOIN LATERAL (
        SELECT *, row_number() OVER (ORDER BY id DESC) AS place FROM complaints WHERE customer_id = k.key
    ) AS c ON true
    GROUP BY k.key
"""

CASES = """
    SELECT customer_id, json_build_object('handler_ids', json_agg(DISTINCT handler_id))::text
    FROM complaints
    WHERE customer_id = ANY($1::uuid[]) AND handler_id IS NOT NULL AND closed_at IS NULL
    GROUP BY customer_id
"""

PUBLICATIONS = (
    Publication(topic=SECTION, permission="sections:complaints", keys=customers_of, query=COMPLAINTS),
    Publication(topic=CASE_REFERENCE, keys=customers_of, query=CASES, rests_on=()),
)
