"""The HTTP side of the gateway: the 360° view, the documentation, and everything else passed on."""

from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from gateway.audit import api as audit
from gateway.changes.api import changes_router
from gateway.changes.tail import Tail
from gateway.compression import Compression
from gateway.docs import docs_router, event_docs_router
from gateway.examples import EXAMPLES
from gateway.limits.storage import InDatabase
from gateway.settings import GatewaySettings
from gateway.upstream.clients import Upstreams
from gateway.upstream.forwarding import METHODS, PASSED_ON, PATIENCE, forwarding_router
from gateway.view.api import batch_router, view_router
from gateway.view.live import LiveSections
from gateway.view.me import me_router
from gateway.view.reading import View
from gateway.view.storage import versions as view_versions
from gateway.view.watermarks import Watermarks
from gateway.webhooks import api as webhooks
from gateway.webhooks import deliveries
from gateway.webhooks.use_cases import Webhooks
from libs.common.app import App, build_chassis, create_app
from libs.common.database import Database
from libs.common.encryption import FieldCipher
from libs.common.outbound import Outbound
from libs.directory.authority import Directory
from libs.directory.copies import versions

CORS: dict[str, Any] = {
    "allow_methods": METHODS,
    "allow_headers": [PATIENCE, "Last-Event-ID", *sorted(name.decode() for name in PASSED_ON)],
    "expose_headers": [
        "ETag",
        "Guanxi-Consistency",
        "Guanxi-Trace",
        "Idempotency-Replayed",
        "RateLimit",
        "RateLimit-Policy",
        "Retry-After",
        "WWW-Authenticate",
    ],
    "max_age": 600,
}


def app(settings: GatewaySettings) -> App:
    database = Database(settings.dsn, pool=settings.database_pool)
    copies = {**versions(database), **view_versions(database)}
    counters = InDatabase(database) if settings.limits_shared else None
    chassis = build_chassis(settings, database, Directory(settings, database), copies, counters)
    upstreams = Upstreams(settings)
    live = LiveSections(settings, upstreams, chassis.shared_keyring, chassis.clock)
    view = View(Watermarks(database), chassis.clock, settings.section_stale_after)
    tail = Tail(database, settings.most_streams, settings.most_streams_of_one)
    outbound = Outbound(settings, settings.webhook_networks, settings.webhook_timeout)
    told = Webhooks(outbound, FieldCipher(chassis.keyring), settings.most_webhooks_of_one)
    own = [
        view_router(view, live),
        batch_router(view),
        me_router(view),
        changes_router(view, tail),
        webhooks.router,
        webhooks.webhooks_router(told),
        deliveries.router,
        audit.router,
        event_docs_router(),
        docs_router(upstreams),
    ]
    routers = [*own, forwarding_router(upstreams, own)]
    layers: list[Callable[[ASGIApp], ASGIApp]] = [Compression]
    if settings.cors_origins:
        layers.append(partial(CORSMiddleware, allow_origins=settings.cors_origins, **CORS))
    made = create_app(
        chassis,
        title="gateway",
        routers=routers,
        examples=EXAMPLES,
        around=layers,
        closing=[tail.close, upstreams.close],
    )
    made.api.webhooks.post("event", tags=list(webhooks.TAGS))(webhooks.event)
    return made
