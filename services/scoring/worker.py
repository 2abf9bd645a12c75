"""The background side of the scoring service."""

from libs.common.schedules import Schedule
from libs.common.settings import Settings
from libs.common.worker import Worker
from libs.contracts.scoring import EVENTS
from libs.directory.composition import service_worker
from services.scoring.event_handlers import SUBSCRIPTION
from services.scoring.storage.queues import QUEUES
from services.scoring.storage.section import PUBLICATIONS
from services.scoring.use_cases.ranking import rank_customers
from services.scoring.use_cases.scoring import score_anew


def worker(settings: Settings) -> Worker:
    return service_worker(
        settings,
        events=EVENTS,
        publications=PUBLICATIONS,
        subscription=SUBSCRIPTION,
        queues=QUEUES,
        schedules=[
            Schedule("scores anew", score_anew, pause=60.0),
            Schedule("customers in fifths", rank_customers, pause=10.0),
        ],
    )
