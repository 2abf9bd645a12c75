"""The section `marketing`: one statement for n customers."""

from libs.common.publication import Publication, customers_of
from libs.contracts.marketing import SECTION

MARKETING = """
    SELECT k.key, json_build_object(
        'staff', json_build_object('points', p.points, 'channels', coalesce(a.channels, '{}'),
            'campaigns', coalesce(m.campaigns, '[]')),
        'self', json_build_object('points', p.points))::text
    FROM unnest($1::uuid[]) AS k (key)
    LEFT JOIN LATERAL (
        SELECT ARRAY(SELECT unnest(channels) ORDER BY 1) AS channels
        FROM audience WHERE customer_id = k.key) AS a ON true
    LEFT JOIN LATERAL (
        SELECT json_build_object('points_account_id', p.id, 'balance', p.balance, 'lots', coalesce((
            SELECT json_agg(json_build_object('remaining', l.remaining, 'expires_on', l.expires_on)
                ORDER BY l.expires_on)
            FROM (SELECT expires_on, sum(remaining) AS remaining FROM points_lots
                  WHERE points_account_id = p.id AND remaining > 0 GROUP BY expires_on) AS l), '[]')) AS points
        FROM points_accounts AS p WHERE p.customer_id = k.key) AS p ON true
    LEFT JOIN LATERAL (
        SELECT json_agg(json_build_object('campaign_member_id', m.id, 'campaign_id', m.campaign_id, 'code', m.code,
            'name', m.name, 'channel', m.channel, 'status', m.status, 'reason', m.reason,
            'selected_at', m.selected_at) ORDER BY m.id DESC) AS campaigns
        FROM (
            SELECT m.*, c.code, c.name FROM campaign_members AS m JOIN campaigns AS c ON c.id = m.campaign_id
            WHERE m.customer_id = k.key ORDER BY m.id DESC LIMIT 10) AS m) AS m ON true
"""

PUBLICATIONS = (Publication(topic=SECTION, permission="sections:marketing", keys=customers_of, query=MARKETING),)
