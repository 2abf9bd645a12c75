"""The background side of the marketing service."""

from libs.common.schedules import Schedule
from libs.common.settings import Settings
from libs.common.worker import Worker
from libs.contracts.marketing import EVENTS
from libs.directory.composition import service_worker
from services.marketing.event_handlers import SUBSCRIPTION
from services.marketing.storage.queues import QUEUES
from services.marketing.storage.section import PUBLICATIONS
from services.marketing.use_cases.points import expire_points
from services.marketing.use_cases.selecting import select_members


def worker(settings: Settings) -> Worker:
    return service_worker(
        settings,
        events=EVENTS,
        publications=PUBLICATIONS,
        subscription=SUBSCRIPTION,
        queues=QUEUES,
        schedules=[
            Schedule("campaign members", select_members),
            Schedule("points that expire", expire_points, pause=60.0),
        ],
    )
