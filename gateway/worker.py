"""The background side of the gateway: the projector of the view, and the directory."""

from gateway.settings import GatewaySettings
from gateway.view import tables as view
from libs.common.database import Database
from libs.common.worker import Worker
from libs.directory import tables as directory
from libs.directory.copies import COPIES
from libs.directory.scope import SystemScope


def worker(settings: GatewaySettings) -> Worker:
    return Worker(
        settings=settings,
        database=Database(settings.dsn, pool=2),
        scope=SystemScope(),
        copies={directory.SCHEMA: COPIES, view.SCHEMA: view.COPIES},
    )
