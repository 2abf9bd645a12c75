"""Every route of every app declares a permission, and every permission is some role's."""

import importlib
import inspect
from collections.abc import Iterator
from typing import cast

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import RouteContext, iter_route_contexts

from guanxi.local.issuer import LocalIssuer
from libs.common.access import Forwarded, Public, requires
from libs.common.app import App
from libs.common.edge import Edge
from libs.common.keyring import KeyRing
from libs.common.openapi import permissions_of
from libs.common.settings import Settings
from libs.contracts.catalogue import SECTIONS
from libs.directory.permissions import PERMISSIONS
from tests.architecture.sources import ROOT, Finding, none, services

PASSED_ON = {Forwarded().permission, Public().permission}
ASKED_INSIDE = {f"sections:{name}" for name in SECTIONS}
"""What the view asks for each section."""
GRANTED = frozenset[str]().union(*PERMISSIONS.values())


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, App]:
    """Every app, built as for running, without a server behind."""
    keys = tmp_path_factory.mktemp("keys")
    issuer = LocalIssuer(keys)
    issuer.ensure()
    KeyRing.generate(keys / "ring.json")
    values = {
        "mode": "development",
        "database_url": "postgresql://nobody@127.0.0.1:1/none",
        "issuers": issuer.setting(),
        "keyring": keys / "ring.json",
        "shared_keyring": keys / "ring.json",
        "upstreams": {},
    }
    packages = ["gateway", *[f"services.{service.name}" for service in services(ROOT)]]
    return {package.rpartition(".")[2]: _built(package, values) for package in packages}


@pytest.fixture(scope="module")
def apis(apps: dict[str, App]) -> list[FastAPI]:
    """The public and the internal port of each."""
    return [api for app in apps.values() for api in (app.api, app.internal_api)]


def _built(package: str, values: dict[str, object]) -> App:
    kinds = [kind for kind in vars(importlib.import_module(f"{package}.settings")).values() if _is_settings(kind)]
    settings = kinds[-1].model_validate({**values, "service": package.rpartition(".")[2]})
    built: App = importlib.import_module(f"{package}.main").app(settings)
    return built


def _is_settings(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Settings)


def undeclared(api: FastAPI) -> Iterator[Finding]:
    for route in iter_route_contexts(api.routes):
        if not permissions_of(route):
            yield _finding(route, "declares no permission")


def nobodys(api: FastAPI) -> Iterator[Finding]:
    for route in iter_route_contexts(api.routes):
        for permission in permissions_of(route):
            if permission not in GRANTED | PASSED_ON:
                yield _finding(route, f"needs {permission}, which no role has")


def _finding(route: RouteContext, what: str) -> Finding:
    code = inspect.unwrap(route.endpoint).__code__ if inspect.isfunction(route.endpoint) else None
    place = (code.co_filename, code.co_firstlineno) if code else ("?", 0)
    return Finding(place[0].removeprefix(f"{ROOT}/"), place[1], f"{sorted(route.methods or [])} {route.path} {what}")


def test_every_route_declares_a_permission(apis: list[FastAPI]) -> None:
    assert apis
    none(finding for api in apis for finding in undeclared(api))


MANAGEMENT = {"/health/live", "/health/ready", "/openapi.json", "/metrics"}
FOR_EVERYBODY = {"/docs", "/docs/events", "/docs/{name}", "/openapi.json", "/asyncapi.json"}
"""By hand: what needs no permission, since it tells nothing of a customer."""


def test_without_a_permission_there_is_what_was_meant_to_be_and_no_more(apps: dict[str, App]) -> None:
    for name, app in apps.items():
        management = cast("FastAPI", cast("Edge", app.management).app)
        assert {route.path for route in iter_route_contexts(management.routes)} == MANAGEMENT
        open_, passed_on = (
            {route.path for route in iter_route_contexts(app.api.routes) if kind.permission in permissions_of(route)}
            for kind in (Public(), Forwarded())
        )
        assert open_ == (FOR_EVERYBODY if name == "gateway" else set())
        assert passed_on == ({"/api/v1/{path:path}"} if name == "gateway" else set())


def test_every_declared_permission_is_some_roles(apis: list[FastAPI]) -> None:
    none(finding for api in apis for finding in nobodys(api))


def test_every_granted_permission_opens_something(apis: list[FastAPI]) -> None:
    declared = {p for api in apis for route in iter_route_contexts(api.routes) for p in permissions_of(route)}
    assert GRANTED - declared - ASKED_INSIDE == set()


def test_a_bare_route_and_an_unknown_permission_are_found() -> None:
    router = APIRouter()

    @router.get("/bare")
    async def bare() -> None: ...

    @router.get("/odd", dependencies=[requires("things:adore")])
    async def odd() -> None: ...

    api = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    api.include_router(router)
    line = bare.__code__.co_firstlineno
    here = "tests/architecture/test_permissions.py"
    assert [str(f) for f in undeclared(api)] == [f"{here}:{line}: ['GET'] /bare declares no permission"]
    assert [f.what for f in nobodys(api)] == ["['GET'] /odd needs things:adore, which no role has"]
