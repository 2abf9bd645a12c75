"""When nothing is under way any more: inboxes, then outboxes and marks, then the view, in the order of the flow."""

from typing import Any
from uuid import UUID

from guanxi.local.stack import SERVICES
from libs.contracts.catalogue import SECTIONS
from libs.contracts.customer import CustomerRegistered
from tests.faults.databases import Databases

REGISTERED = "SELECT event_id FROM outbox WHERE type = $1"
LISTENERS = ("manager", "complaints")
"""Who acts on a registered customer."""

Versions = dict[tuple[str, UUID], int]


async def is_settled(databases: Databases) -> bool:
    return await _all_heard(databases) and await _all_sent(databases) and await _all_shown(databases)


async def ids(databases: Databases, app: str, query: str, *arguments: Any) -> list[Any]:
    """The first column."""
    return [row[0] for row in await databases.rows(app, query, *arguments)]


async def marks(databases: Databases, app: str) -> Versions:
    """(stream, key) → version, as the service last changed it."""
    rows = await databases.rows(app, "SELECT stream, key, version FROM publication_marks")
    return {(row[0], row[1]): row[2] for row in rows}


async def shown(databases: Databases) -> Versions:
    """The same of the view."""
    rows = await databases.rows("gateway", "SELECT section, customer_id, version FROM view.sections")
    return {(SECTIONS[row[0]][0].name, row[1]): row[2] for row in rows}


async def sections_marked(databases: Databases) -> Versions:
    streams = {topic.name for topic, _ in SECTIONS.values()}
    everything = [await marks(databases, app) for app in SERVICES]
    return {key: version for found in everything for key, version in found.items() if key[0] in streams}


async def _all_heard(databases: Databases) -> bool:
    registered = set(await ids(databases, "customer", REGISTERED, CustomerRegistered.type))
    return all([registered.issubset(await ids(databases, app, "SELECT event_id FROM inbox")) for app in LISTENERS])


async def _all_sent(databases: Databases) -> bool:
    query = """
        SELECT (SELECT count(*) FROM outbox WHERE published_at IS NULL)
             + (SELECT count(*) FROM publication_marks WHERE dirty)
    """
    return all([await databases.value(app, query) == 0 for app in SERVICES])


async def _all_shown(databases: Databases) -> bool:
    return await shown(databases) == await sections_marked(databases)
