"""What each app's database tells: outbox, leader, copies, consumer, dead letters, migrations.

The same stands in the metrics, but a gauge keeps its last value when the part that sets it stands still, and a
worker may run in a process of its own: the database knows in both cases.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg

from guanxi.examination.apps import MOST_SECONDS_BEHIND
from guanxi.examination.finding import SECONDS, Finding
from guanxi.local.secrets import Secrets
from guanxi.local.servers import postgres_of
from guanxi.local.settings import APPS, LocalSettings, package_of
from guanxi.local.shape import processes_of
from libs.common.revisions import newest
from libs.contracts.catalogue import EVENTS

OLDEST_EVENT_SECONDS = 10.0
"""The relay looks every second."""
HAVE_EVENTS = frozenset(topic.name.split(".")[1] for topic in EVENTS)
"""Apps that send and hear events, `crm.<app>.events.v1`."""

LEADS = """
    SELECT EXISTS (
        SELECT FROM pg_locks JOIN pg_database AS d ON d.oid = database
        WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND d.datname = current_database()
          AND (classid::bigint << 32 | objid::bigint) = hashtext('guanxi leader'))
"""
CAUGHT_UP = "SELECT extract(epoch FROM clock_timestamp() - min(caught_up_at))::float8 FROM consumer_progress"
SCHEMAS = "SELECT table_schema FROM information_schema.tables WHERE table_name = 'watermarks' ORDER BY 1"
COPIED = "SELECT extract(epoch FROM clock_timestamp() - min(as_of))::float8 FROM {}.watermarks"
UNSHIPPED = """
    SELECT count(*) FROM audit_chains AS c JOIN audit_entries AS e ON e.chain = c.chain AND e.sequence > c.shipped
    WHERE NOT c.done AND e.written_at < now() - interval '10 s'
"""
OUTBOX = """
    SELECT coalesce(extract(epoch FROM clock_timestamp() - min(recorded_at)), 0)::float8,
           count(*) FILTER (WHERE parked_because IS NOT NULL)
    FROM outbox WHERE published_at IS NULL
"""
DEAD_LETTERS = "SELECT count(*) FROM dead_letters WHERE handled_at IS NULL"


async def examine_databases(settings: LocalSettings) -> list[Finding]:
    if not (settings.home / "keys" / "passwords.json").exists():
        says = f"no passwords in {settings.home / 'keys'}: nothing was ever started there"
        return [Finding("databases", well=False, says=says, advice="start `guanxi up`, or set GUANXI_HOME")]
    found = await asyncio.gather(*[_examine(settings, app) for app in APPS])
    return [finding for findings in found for finding in findings]


async def _examine(settings: LocalSettings, app: str) -> list[Finding]:
    password = Secrets(settings.home / "keys", APPS).password(app, "app")
    url = postgres_of(settings).address_of(app, f"{app}_app", password)
    try:
        connection = await asyncpg.connect(url, timeout=SECONDS, command_timeout=SECONDS)
        try:
            log = settings.home / "logs" / f"{processes_of(settings)[app][-1]}.log"
            return [finding async for finding in _ask(connection, app, str(log))]
        finally:
            connection.terminate()
    except (asyncpg.PostgresError, OSError) as error:
        says = f"cannot be asked ({type(error).__name__})"
        return [
            Finding(f"{app}: database", well=False, says=says, advice="start `guanxi up`: it makes what is missing")
        ]


async def _ask(connection: Any, app: str, log: str) -> AsyncIterator[Finding]:
    yield _migrations(app, await connection.fetchval("SELECT version_num FROM alembic_version"))
    leads = await connection.fetchval(LEADS)
    says = "one worker leads" if leads else "no worker leads: nothing is sent or published"
    yield Finding(f"{app}: leader", leads, says, "" if leads else f"read {log}: a worker cannot start")
    unshipped, advice = await connection.fetchval(UNSHIPPED), f"see Kafka, read {log}: what the auditor sees lags"
    yield Finding(f"{app}: audit trail", unshipped == 0, f"{unshipped} entries wait", advice if unshipped else "")
    if app in HAVE_EVENTS:
        age, parked = await connection.fetchrow(OUTBOX)
        for finding in _outbox(app, age, parked, log):
            yield finding
        caught_up = await connection.fetchval(CAUGHT_UP)
        yield _age(f"{app}: events heard", caught_up, f"read {log}: its consumer lags or stands still")
        yield _dead_letters(app, await connection.fetchval(DEAD_LETTERS))
    for schema in await connection.fetch(SCHEMAS):
        copied = await connection.fetchval(COPIED.format(schema[0]))
        yield _age(f"{app}: {schema[0]}", copied, "see who publishes: its leader, Kafka, its consumer")


def _migrations(app: str, stands: str | None) -> Finding:
    head = newest(package_of(app))
    says = f"at {stands}" if stands == head else f"at {stands}, but the code wants {head}"
    advice = "" if stands == head else "restart `guanxi up`: it migrates"
    return Finding(f"{app}: migrations", stands == head, says, advice)


def _outbox(app: str, age: float, parked: int, log: str) -> Iterator[Finding]:
    sent, subject = age <= OLDEST_EVENT_SECONDS, f"{app}: outbox"
    yield Finding(subject, sent, f"oldest event waits {age:.1f} s", "" if sent else f"see Kafka, read {log}")
    if parked:
        advice = "read parked_because in its outbox: mend the topic or the event, then set it to null"
        yield Finding(subject, well=False, says=f"{parked} events can never be sent", advice=advice)


def _dead_letters(app: str, buried: int) -> Finding:
    advice = f"`guanxi dlq list --app {app}`: mend the cause, then `guanxi dlq retry`" if buried else ""
    return Finding(f"{app}: dead letters", buried == 0, f"{buried} records set aside", advice)


def _age(subject: str, seconds: float | None, advice: str) -> Finding:
    if seconds is None:
        return Finding(subject, well=False, says="has heard nothing yet", advice=advice)
    well = seconds <= MOST_SECONDS_BEHIND
    return Finding(subject, well, f"as of {seconds:.1f} s ago", "" if well else advice)
