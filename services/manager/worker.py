"""The background side of the manager service."""

from datetime import datetime

from libs.common.database import UnitOfWork
from libs.common.schedules import Schedule
from libs.common.worker import Worker
from libs.contracts.manager import EVENTS
from libs.directory.composition import service_worker
from services.manager.event_handlers import SUBSCRIPTION
from services.manager.settings import ManagerSettings
from services.manager.storage.queues import QUEUES
from services.manager.storage.section import PUBLICATIONS
from services.manager.use_cases.assigning import assign_waiting_customers
from services.manager.use_cases.founding import found
from services.manager.use_cases.granting import end_lapsed_access
from services.manager.use_cases.tasking import give_waiting_tasks, let_tasks_fall_due


def worker(settings: ManagerSettings) -> Worker:
    async def found_once(uow: UnitOfWork, now: datetime) -> int:
        return await found(uow, settings.first_admin, at=now) if settings.first_admin else 0

    return service_worker(
        settings,
        events=EVENTS,
        publications=PUBLICATIONS,
        subscription=SUBSCRIPTION,
        queues=QUEUES,
        schedules=[
            Schedule("waiting customers", assign_waiting_customers),
            Schedule("lapsed access", end_lapsed_access),
            Schedule("waiting tasks", give_waiting_tasks),
            Schedule("tasks that fall due", let_tasks_fall_due),
        ],
        startup=[found_once],
    )
