"""The background side of the gateway: the projector of the view, the directory, and everybody's audit trail."""

from functools import partial

from gateway.audit.alerts import PAUSE_SECONDS, raise_alerts
from gateway.audit.collector import AuditCollector
from gateway.changes.storage import TIDYING as TIDYING_CHANGES
from gateway.limits.storage import TIDYING as TIDYING_COUNTS
from gateway.settings import GatewaySettings
from gateway.view import tables as view
from libs.common.database import Database
from libs.common.kafka import new_consumer
from libs.common.schedules import Schedule
from libs.common.topics import AUDIT
from libs.common.worker import Worker
from libs.directory import tables as directory
from libs.directory.copies import COPIES
from libs.directory.scope import SystemScope


def worker(settings: GatewaySettings) -> Worker:
    async def collect_audit() -> None:
        kafka = new_consumer(settings, AUDIT.name, group="crm.gateway.audit")
        await AuditCollector(settings.dsn, kafka).run()

    alerts = partial(raise_alerts, settings.audit_strangers_per_day)
    return Worker(
        settings=settings,
        database=Database(settings.dsn, pool=2),
        scope=SystemScope(),
        copies={directory.SCHEMA: COPIES, view.SCHEMA: view.COPIES},
        schedules=[Schedule("audit alerts", alerts, pause=PAUSE_SECONDS), TIDYING_COUNTS, TIDYING_CHANGES],
        parts={"audit collector": collect_audit},
    )
