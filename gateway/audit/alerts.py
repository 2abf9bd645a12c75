"""The rule that a manager who opens many customers outside the own book is asked about it."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import text

from libs.common.clock import day_of, start_of
from libs.common.database import UnitOfWork
from libs.common.metrics import AUDIT_ALERTS

log = structlog.get_logger()

OUTSIDE_OWN_BOOK = "outside_own_book"
AUDIT_ALERTS.labels(OUTSIDE_OWN_BOOK)  # from 0 on: the first one is an increase too
PAUSE_SECONDS = 10.0
ON_ITS_WAY = timedelta(seconds=10)
"""So young an entry may be followed by one that has not arrived yet."""
LATE = timedelta(hours=6)
"""So much later may an entry arrive, where an app, Kafka or the gateway's worker was away."""

# Opened one by one, or by their ids, or a list of theirs alone; whom any other list showed is not opened yet. A thing
# of several customers, such as a joint account, is one opening, and none where one of them is in the own book.
RAISE = text("""
    INSERT INTO edge.audit_alerts (id, actor, day, rule, customers, raised_at)
    SELECT uuidv7(), actor, :day, :rule, count(DISTINCT customer_id), :now
    FROM edge.audit AS a
    CROSS JOIN LATERAL unnest(
        CASE WHEN a.route ~ 'batch$' THEN a.customer_ids ELSE ARRAY[a.customer_ids[1]] END) AS opened (customer_id)
    JOIN directory.staff AS s ON a.actor = 'staff ' || s.staff_id AND 'manager' = ANY(s.roles)
    WHERE a.at >= :since AND a.at < :settled AND a.status < 400
      AND (a.route ~ '[{]|(batch|find-by-document|reveals)$'
           OR EXISTS (SELECT FROM unnest(a.terms) AS asked (term) WHERE term LIKE 'customer_id=%'))
      AND NOT EXISTS (SELECT FROM edge.audit AS ended WHERE ended.follows = a.id AND ended.status >= 400)
      AND NOT EXISTS (SELECT FROM directory.assignments AS o
                      WHERE s.staff_id = ANY(o.own_ids) AND o.customer_id = ANY(
                        CASE WHEN a.route ~ 'batch$' THEN ARRAY[opened.customer_id] ELSE a.customer_ids END))
      AND NOT EXISTS (SELECT FROM edge.audit_alerts AS raised
                      WHERE raised.actor = a.actor AND raised.day = :day AND raised.rule = :rule)
    GROUP BY actor HAVING count(DISTINCT customer_id) > :allowed
    ON CONFLICT DO NOTHING RETURNING actor
""")


async def raise_alerts(allowed: int, uow: UnitOfWork, now: datetime) -> int:
    """Raise an alert, once a day, for each manager who opened more than `allowed` customers outside the own book.

    A day is looked at for some hours after it, since entries may arrive late.
    """
    raised: list[str] = []
    for day in sorted({day_of(now - LATE), day_of(now)}):
        since, settled = start_of(day), min(now - ON_ITS_WAY, start_of(day + timedelta(days=1)))
        values = {"day": day, "since": since, "settled": settled, "now": now, "allowed": allowed}
        raised += (await uow.session.execute(RAISE, {**values, "rule": OUTSIDE_OWN_BOOK})).scalars()
    for actor in raised:
        AUDIT_ALERTS.labels(OUTSIDE_OWN_BOOK).inc()
        log.warning("audit alert", rule=OUTSIDE_OWN_BOOK, actor=actor)
    return len(raised)
