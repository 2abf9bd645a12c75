"""The background side of the customer service."""

from libs.common.schedules import Schedule
from libs.common.settings import Settings
from libs.common.worker import Worker
from libs.contracts.customer import EVENTS
from libs.directory.composition import service_worker
from services.customer.event_handlers import SUBSCRIPTION
from services.customer.storage.queues import QUEUES
from services.customer.storage.section import PUBLICATIONS
from services.customer.storage.tables import SEALED
from services.customer.use_cases.booking import place_waiting_transactions
from services.customer.use_cases.grading import review_grades
from services.customer.use_cases.telling import move_flow_windows, tell_holdings

SCHEDULES = (
    Schedule("waiting transactions", place_waiting_transactions),
    Schedule("holdings told", tell_holdings),
    Schedule("flow windows", move_flow_windows, pause=5.0),
    Schedule("grades", review_grades, pause=5.0),
)


def worker(settings: Settings) -> Worker:
    return service_worker(
        settings,
        events=EVENTS,
        publications=PUBLICATIONS,
        subscription=SUBSCRIPTION,
        schedules=SCHEDULES,
        sealed=SEALED,
        queues=QUEUES,
    )
