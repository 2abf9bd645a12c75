"""The HTTP side of every service: three ports, errors, health, metrics, and no route without a permission."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from limits.aio.storage import Storage
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from starlette.types import ASGIApp

from libs.common.access import Chassis, Requires
from libs.common.audit import AuditTrail
from libs.common.authentication import TokenVerifier
from libs.common.caller import Authority
from libs.common.clock import Clock
from libs.common.commands import Replayed, replayed
from libs.common.consistency import Consistency, VersionOf
from libs.common.database import Database
from libs.common.edge import Edge
from libs.common.encryption import BlindIndex
from libs.common.keyring import KeyRing
from libs.common.limits import InProcess, Limiter
from libs.common.live import live_router
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
    own, shared = KeyRing.load(settings.keyring), KeyRing.load(settings.shared_keyring)
    return Chassis(
        settings=settings,
        database=database,
        verifier=TokenVerifier(settings),
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
    publications: Sequence[Publication] = (),
    closing: Sequence[Callable[[], Awaitable[None]]] = (),
) -> App:
    """Mount a service's routers on its public port, its live section on the internal one.

    Raises:
        RuntimeError: a route declares no permission.
    """
    public = new_api(chassis, title, routers)
    internal = new_api(chassis, f"{title} (internal)", [live_router(publications)] if publications else [])
    settings = chassis.settings
    return App(
        chassis=chassis,
        public=Edge(public, settings, chassis.trail),
        internal=Edge(internal, settings, chassis.trail),
        management=Edge(_management(chassis, public), settings, chassis.trail),
        api=public,
        closing=closing,
    )


def new_api(chassis: Chassis, title: str, routers: Iterable[APIRouter]) -> FastAPI:
    api = FastAPI(title=title, version="1", docs_url=None, redoc_url=None, openapi_url=None)
    api.state.chassis = chassis
    install_problems(api)
    api.add_exception_handler(Replayed, replayed)  # type: ignore[arg-type] # starlette types it as Exception
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


def permissions_of(route: RouteContext) -> list[str]:
    if not isinstance(route.original_route, APIRoute):
        return []
    calls = (dependency.call for dependency in route.dependant.dependencies)
    return [call.permission for call in calls if isinstance(call, Requires)]


def _management(chassis: Chassis, public: FastAPI) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @app.get("/health/ready")
    async def ready() -> Response:
        """Readiness asks the database and nothing else: it never waits for a consumer group's join."""
        try:
            async with chassis.database.engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except Exception as error:  # noqa: BLE001 - whatever it is, this process is not ready
            return JSONResponse({"status": "not ready", "error": type(error).__name__}, 503)
        return JSONResponse({"status": "ready"})

    @app.get("/openapi.json")
    async def document() -> dict[str, Any]:
        return openapi(public)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


def openapi(api: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document, with each operation's permission in `x-permission`."""
    document = api.openapi()
    for route in iter_route_contexts(api.routes):
        for method in route.methods or ():
            operation = document["paths"].get(route.path, {}).get(method.lower())
            if operation is not None:
                operation["x-permission"] = permissions_of(route)
    return document
