"""The HTTP side of every service: three ports, errors, health, metrics, and no route without a permission."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute, iter_route_contexts
from limits.aio.storage import Storage
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp

from libs.common.access import Chassis
from libs.common.audit import AuditTrail
from libs.common.authentication import TokenVerifier
from libs.common.caller import Authority
from libs.common.clock import Clock
from libs.common.commands import Replayed, replayed
from libs.common.conditional import NotModified, not_modified
from libs.common.consistency import Consistency, VersionOf
from libs.common.database import Database, SchemaBehind
from libs.common.edge import Edge
from libs.common.encryption import BlindIndex
from libs.common.hot import ahead
from libs.common.kms import own_ring, shared_ring
from libs.common.limits import InProcess, Limiter
from libs.common.live import live_router
from libs.common.metrics import DATABASE_CONNECTIONS, TASKS
from libs.common.openapi import openapi, permissions_of
from libs.common.problems import install_problems
from libs.common.publication import Publication
from libs.common.settings import Settings


@dataclass(frozen=True, kw_only=True)
class App:
    """One app, three ports: `public` is what the gateway forwards, `management` is never forwarded."""

    chassis: Chassis
    public: ASGIApp
    internal: ASGIApp
    management: ASGIApp
    api: FastAPI
    internal_api: FastAPI
    document: Callable[[], dict[str, Any]]
    """The OpenAPI document of the public port."""
    closing: Sequence[Callable[[], Awaitable[None]]] = ()

    async def close(self) -> None:
        for close in self.closing:
            await close()
        await self.chassis.trail.close()
        await self.chassis.database.close()


def build_chassis(
    settings: Settings,
    database: Database,
    authority: Authority,
    copies: Mapping[str, VersionOf],
    counters: Storage | None = None,
) -> Chassis:
    """`counters` are where requests are counted against limits; in this process by default."""
    own, shared = own_ring(settings), shared_ring(settings)
    return Chassis(
        settings=settings,
        database=database,
        verifier=TokenVerifier(settings, shared),
        authority=authority,
        keyring=own,
        shared_keyring=shared,
        consistency=Consistency(shared, copies, settings.consistency_wait),
        clock=Clock(),
        trail=AuditTrail(settings.dsn, shared),
        blind=BlindIndex(own),
        limiter=Limiter(settings.limits, counters or InProcess()),
    )


def create_app(
    chassis: Chassis,
    *,
    title: str,
    routers: Iterable[APIRouter],
    examples: Mapping[str, Any],
    publications: Sequence[Publication] = (),
    around: Sequence[Callable[[ASGIApp], ASGIApp]] = (),
    closing: Sequence[Callable[[], Awaitable[None]]] = (),
) -> App:
    """Mount a service's routers on its public port, its live section on the internal one.

    `examples` are values by names of properties, for the documentation; `around` are layers of the public port.

    Raises:
        RuntimeError: a route declares no permission.
    """
    public = new_api(chassis, title, routers)
    public.state.examples = examples
    internal = new_api(chassis, f"{title} (internal)", [live_router(publications)] if publications else [])
    settings, document = chassis.settings, partial(openapi, public)
    return App(
        chassis=chassis,
        public=Edge(reduce(lambda inner, layer: layer(inner), around, ahead(public)), settings, chassis.trail),
        internal=Edge(ahead(internal), settings, chassis.trail),
        management=Edge(management_api(chassis.database, document), settings, chassis.trail),
        api=public,
        internal_api=internal,
        document=document,
        closing=closing,
    )


def new_api(chassis: Chassis, title: str, routers: Iterable[APIRouter]) -> FastAPI:
    unlisted: dict[str, Any] = {"docs_url": None, "redoc_url": None, "openapi_url": None}
    # A path with a slash too many is another path: a redirect would name whatever host the caller named.
    api = FastAPI(title=title, version="1", generate_unique_id_function=_name_of, redirect_slashes=False, **unlisted)
    api.state.chassis = chassis
    install_problems(api)
    api.add_exception_handler(Replayed, replayed)  # type: ignore[arg-type] # starlette types it as Exception
    api.add_exception_handler(NotModified, not_modified)  # type: ignore[arg-type] # likewise
    for router in routers:
        api.include_router(router)
    if bare := undeclared(api):
        raise RuntimeError(f"routes without a declared permission: {', '.join(bare)}")
    return api


def undeclared(api: FastAPI) -> list[str]:
    """The routes that declare no permission."""
    return [
        f"{sorted(route.methods or [])} {route.path}"
        for route in iter_route_contexts(api.routes)
        if not permissions_of(route)
    ]


def management_api(database: Database, document: Callable[[], dict[str, Any]] | None = None) -> FastAPI:
    """Health and metrics of a process, and the document of its API where it has one."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @app.get("/health/ready")
    async def ready() -> Response:
        """Readiness asks the database and nothing else: it never waits for a consumer group's join."""
        try:
            await database.answers()
        except SchemaBehind as behind:
            return JSONResponse({"status": "not ready", "error": str(behind)}, 503)
        except Exception as error:  # noqa: BLE001 - whatever it is, this process is not ready
            return JSONResponse({"status": "not ready", "error": type(error).__name__}, 503)
        return JSONResponse({"status": "ready"})

    @app.get("/metrics")
    async def metrics() -> Response:
        _measure(database)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    if document is not None:

        @app.get("/openapi.json")
        async def told() -> dict[str, Any]:
            return document()

    return app


def _measure(database: Database) -> None:
    """Metrics that nobody counts as things happen: what there is at this moment."""
    TASKS.set(len(asyncio.all_tasks()))
    for state, connections in database.connections.items():
        DATABASE_CONNECTIONS.labels(state).set(connections)


def _name_of(route: APIRoute) -> str:
    """`complaints_reply`: unique over all services, and what a generated client calls it."""
    return re.sub("[^a-z0-9]+", "_", f"{route.tags[0] if route.tags else 'internal'} {route.name}".lower()).strip("_")
