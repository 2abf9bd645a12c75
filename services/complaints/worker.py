"""The background side of the complaints service."""

from libs.common.schedules import Schedule
from libs.common.settings import Settings
from libs.common.worker import Worker
from libs.contracts.complaints import EVENTS
from libs.directory.composition import service_worker
from services.complaints.event_handlers import SUBSCRIPTION
from services.complaints.storage.queues import QUEUES
from services.complaints.storage.section import PUBLICATIONS
from services.complaints.use_cases.warning import warn_of_deadlines


def worker(settings: Settings) -> Worker:
    return service_worker(
        settings,
        events=EVENTS,
        publications=PUBLICATIONS,
        subscription=SUBSCRIPTION,
        queues=QUEUES,
        schedules=[Schedule("deadline warnings", warn_of_deadlines)],
    )
