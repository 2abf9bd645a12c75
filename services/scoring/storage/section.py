"""The section `scores`: one statement for n customers."""

from libs.common.publication import Publication, customers_of
from libs.contracts.scoring import SECTION

SCORES = """
    SELECT k.key, json_build_object(
        'staff', json_build_object('value', CASE WHEN s.id IS NOT NULL THEN json_build_object(
            'score_id', s.id, 'as_of', s.as_of, 'policy_id', s.policy_id, 'currency', s.currency,
            'contribution', s.contribution::text, 'value_group', s.value_group, 'reasons', s.reasons,
            'assets', s.assets::text, 'initiated', s.initiated, 'last_initiated_on', s.last_initiated_on,
            'branch_contacts', s.branch_contacts, 'fees', s.fees::text,
            'fifths', CASE WHEN s.recency IS NOT NULL THEN json_build_object(
                'recency', s.recency, 'frequency', s.frequency, 'monetary', s.monetary, 'name', s.rfm_name) END)
            END),
        'self', json_build_object())::text
    FROM unnest($1::uuid[]) AS k (key) LEFT JOIN scores AS s ON s.customer_id = k.key
"""

PUBLICATIONS = (Publication(topic=SECTION, permission="sections:scores", keys=customers_of, query=SCORES),)
