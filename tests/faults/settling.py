"""When nothing is under way any more: inboxes, then outboxes and marks, then the view, in the order of the flow."""

from importlib import import_module
from typing import Any
from uuid import UUID

from guanxi.local.stack import SERVICES
from libs.contracts.catalogue import EVENTS, SECTIONS
from tests.faults.databases import Databases

TO_BE_TOLD = """
    SELECT count(*) FROM holdings WHERE least(due_at, grade_due_at) < now() + interval '1 minute'
"""


def _types_heard(app: str) -> dict[str, list[str]]:
    """Publisher → the types of its events that a service handles."""
    heard = import_module(f"services.{app}.event_handlers").SUBSCRIPTION.types
    of_topic = {topic.name.split(".")[1]: [event.type for event in events] for topic, events in EVENTS.items()}
    return {name: [type_ for type_ in types if type_ in heard] for name, types in of_topic.items()}


HEARS = {app: _types_heard(app) for app in SERVICES}
LISTENERS = tuple(app for app, heard in HEARS.items() if any(heard.values()))
"""Who handles events."""

Versions = dict[tuple[str, UUID], int]


TO_BE_GIVEN = "SELECT count(*) FROM waiting_tasks"


async def is_settled(databases: Databases) -> bool:
    told = await databases.value("customer", TO_BE_TOLD) + await databases.value("manager", TO_BE_GIVEN) == 0
    return told and await _all_heard(databases) and await _all_sent(databases) and await _all_shown(databases)


async def to_be_heard(databases: Databases, app: str) -> list[UUID]:
    """The events that a service has to handle, of all publishers."""
    query, everything = "SELECT event_id FROM outbox WHERE type = ANY($1)", HEARS[app].items()
    return [id_ for publisher, types in everything for id_ in await ids(databases, publisher, query, types)]


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
    for app in LISTENERS:
        handled = set(await ids(databases, app, "SELECT event_id FROM inbox"))
        if not handled.issuperset(await to_be_heard(databases, app)):
            return False
    return True


async def _all_sent(databases: Databases) -> bool:
    query = """
        SELECT (SELECT count(*) FROM outbox WHERE published_at IS NULL)
             + (SELECT count(*) FROM publication_marks WHERE dirty)
    """
    return all([await databases.value(app, query) == 0 for app in SERVICES])


async def _all_shown(databases: Databases) -> bool:
    return await shown(databases) == await sections_marked(databases)
