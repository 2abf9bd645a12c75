"""The background side of the customer service."""

from libs.common.settings import Settings
from libs.common.worker import Worker
from libs.contracts.customer import EVENTS
from libs.directory.composition import service_worker
from services.customer.event_handlers import SUBSCRIPTION
from services.customer.storage.section import PUBLICATIONS
from services.customer.storage.tables import SEALED


def worker(settings: Settings) -> Worker:
    return service_worker(settings, events=EVENTS, publications=PUBLICATIONS, subscription=SUBSCRIPTION, sealed=SEALED)
