"""The two composition roots that all services share: an HTTP side and a background side with a directory."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter

from libs.common.app import App, build_chassis, create_app
from libs.common.database import Database
from libs.common.hearing import Subscription
from libs.common.kms import own_ring
from libs.common.publication import Publication
from libs.common.reencryption import SealedColumn
from libs.common.schedules import Schedule, Sweep
from libs.common.sealing import Sealer
from libs.common.settings import Settings
from libs.common.topics import Topic
from libs.common.worker import Worker
from libs.directory.authority import Directory
from libs.directory.copies import COPIES, versions
from libs.directory.permissions import Reach
from libs.directory.scope import SystemScope
from libs.directory.tables import SCHEMA


def service_database(settings: Settings, publications: Sequence[Publication]) -> Database:
    sealer = Sealer(own_ring(settings))
    return Database(settings.dsn, publications=publications, sealer=sealer, pool=settings.database_pool)


def service_app(
    settings: Settings,
    *,
    routers: Iterable[APIRouter],
    examples: Mapping[str, Any],
    publications: Sequence[Publication],
    overrides: Mapping[str, frozenset[Reach]] | None = None,
) -> App:
    """The HTTP side. `publications[0]` is the service's section; `overrides` widens some roles' reach here."""
    database = service_database(settings, publications)
    directory = Directory(settings, database, dict(overrides or {}))
    chassis = build_chassis(settings, database, directory, versions(database))
    title = settings.service
    return create_app(chassis, title=title, routers=routers, examples=examples, publications=publications)


def service_worker(
    settings: Settings,
    *,
    events: Topic,
    publications: Sequence[Publication],
    subscription: Subscription,
    schedules: Sequence[Schedule] = (),
    startup: Sequence[Sweep] = (),
    sealed: Sequence[SealedColumn] = (),
    queues: Mapping[str, str] | None = None,
) -> Worker:
    """The background side, with every reference copied into the directory."""
    return Worker(
        settings=settings,
        database=service_database(settings, publications),
        scope=SystemScope(),
        events_topic=events.name,
        publications=publications,
        subscription=subscription,
        copies={SCHEMA: COPIES},
        schedules=schedules,
        startup=startup,
        sealed=sealed,
        queues=queues or {},
    )
