"""What is no longer needed goes: sent events, handled ids, old idempotency keys.

Outbox rows go before the topic forgets their events, inbox rows after it: a topic that is sent again from the outbox,
or read again from its start, finds every id still remembered (14 < 21 < 30 days).
"""

from datetime import datetime, timedelta

from sqlalchemy import text

from libs.common.database import UnitOfWork

OUTBOX, INBOX, IDEMPOTENCY_KEYS = timedelta(days=14), timedelta(days=30), timedelta(hours=24)
AT_ONCE = 5000

FORGET = (
    (OUTBOX, "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE published_at < :before LIMIT :most)"),
    (INBOX, "DELETE FROM inbox WHERE event_id IN (SELECT event_id FROM inbox WHERE handled_at < :before LIMIT :most)"),
    (
        IDEMPOTENCY_KEYS,
        """DELETE FROM idempotency_keys
           WHERE digest IN (SELECT digest FROM idempotency_keys WHERE created_at < :before LIMIT :most)""",
    ),
)


async def tidy(uow: UnitOfWork, now: datetime) -> int:
    """Forget one batch of each; returns how many rows went."""
    gone = 0
    for age, statement in FORGET:
        done = await uow.session.execute(text(statement), {"before": now - age, "most": AT_ONCE})
        gone += max(getattr(done, "rowcount", 0), 0)
    return gone
