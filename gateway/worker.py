"""The background side of the gateway: the projector of the view, the directory, and everybody's audit trail."""

from functools import partial

from gateway.audit.alerts import PAUSE_SECONDS, raise_alerts
from gateway.audit.collector import store as store_audit
from gateway.changes.storage import TIDYING as TIDYING_CHANGES
from gateway.limits.storage import TIDYING as TIDYING_COUNTS
from gateway.settings import GatewaySettings
from gateway.view import tables as view
from gateway.webhooks import intake
from gateway.webhooks.dispatch import Dispatcher
from gateway.webhooks.sending import Sender
from gateway.webhooks.storage import QUEUES
from gateway.webhooks.storage import TIDYING as TIDYING_DELIVERIES
from gateway.webhooks.tables import SECRETS
from libs.common.audit import AuditTrail
from libs.common.collector import Collector, Store
from libs.common.database import Database
from libs.common.encryption import FieldCipher
from libs.common.housekeeping import TIDYING
from libs.common.kafka import group_of
from libs.common.kms import own_ring, shared_ring
from libs.common.metrics import RECORDS_REFUSED
from libs.common.outbound import Outbound
from libs.common.reader import new_reader
from libs.common.schedules import Schedule
from libs.common.topics import AUDIT
from libs.common.worker import Worker
from libs.directory import tables as directory
from libs.directory.authority import Directory
from libs.directory.copies import COPIES
from libs.directory.scope import SystemScope


def worker(settings: GatewaySettings) -> Worker:
    database = Database(settings.dsn, pool=4)

    async def collect(name: str, store: Store, *topics: str, in_order: bool = False) -> None:
        for topic in topics:
            RECORDS_REFUSED.labels(topic)  # from 0 on: the first one is an increase too
        await Collector(new_reader(settings, group_of(settings.service, name), *topics, in_order=in_order), store).run()

    alerts = partial(raise_alerts, settings.audit_strangers_per_day)
    return Worker(
        settings=settings,
        database=database,
        scope=SystemScope(),
        collects=(AUDIT.name, *intake.TOPICS),
        copies={directory.SCHEMA: COPIES, view.SCHEMA: view.COPIES},
        schedules=[
            Schedule("audit alerts", alerts, pause=PAUSE_SECONDS),
            TIDYING_COUNTS,
            TIDYING_CHANGES,
            TIDYING["idempotency_keys"],
            *TIDYING_DELIVERIES,
        ],
        sealed=[SECRETS],
        queues=QUEUES,
        duties={"webhooks": Dispatcher(sender(settings, database)).run},
        parts={
            "audit collector": partial(collect, "audit", store_audit, AUDIT.name),
            "webhook intake": partial(collect, "webhooks", intake.store, *intake.TOPICS, in_order=True),
        },
    )


def sender(settings: GatewaySettings, database: Database) -> Sender:
    return Sender(
        database=database,
        directory=Directory(settings, database),
        trail=AuditTrail(settings.dsn, shared_ring(settings)),
        cipher=FieldCipher(own_ring(settings)),
        outbound=Outbound(settings, settings.webhook_networks, settings.webhook_timeout),
        back_off=settings.webhook_back_off,
    )
