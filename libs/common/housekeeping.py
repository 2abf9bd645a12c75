"""What is no longer needed goes: sent events, handled ids, old idempotency keys.

Outbox rows go before the topic forgets their events, inbox rows after it: a topic that is sent again from the outbox,
or read again from its start, finds every id still remembered (14 < 21 < 30 days since it was heard last).
"""

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import text

from libs.common.database import UnitOfWork
from libs.common.schedules import Schedule

OUTBOX, INBOX, IDEMPOTENCY_KEYS = timedelta(days=14), timedelta(days=30), timedelta(hours=24)
AT_ONCE = 5000

PAUSE_SECONDS = 60.0

FORGET = {
    "outbox": (
        OUTBOX,
        "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE published_at < :before LIMIT :most)",
    ),
    "inbox": (
        INBOX,
        "DELETE FROM inbox WHERE event_id IN (SELECT event_id FROM inbox WHERE handled_at < :before LIMIT :most)",
    ),
    "idempotency_keys": (
        IDEMPOTENCY_KEYS,
        """DELETE FROM idempotency_keys
           WHERE digest IN (SELECT digest FROM idempotency_keys WHERE created_at < :before LIMIT :most)""",
    ),
}


async def _tidy(age: timedelta, statement: str, uow: UnitOfWork, now: datetime) -> int:
    done = await uow.session.execute(text(statement), {"before": now - age, "most": AT_ONCE})
    return max(getattr(done, "rowcount", 0), 0)


TIDYING = {
    name: Schedule(f"tidying {name}", partial(_tidy, age, statement), pause=PAUSE_SECONDS)
    for name, (age, statement) in FORGET.items()
}
"""By table, one unit of work for each: one that lags holds up no other."""
