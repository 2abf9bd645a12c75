"""A page for all APIs and one for all events. They load nothing from outside: Swagger UI comes from a package."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus
from importlib.resources import files
from typing import Any

import aiohttp
import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from gateway.upstream.clients import UpstreamClient, Upstreams
from gateway.upstream.gate import FAILED
from libs.common.access import Public, chassis
from libs.common.openapi import BEARER, PROBLEM, PROBLEMS, openapi
from libs.common.problems import Problem

KEPT_SECONDS = 5.0
"""Anybody may ask for the document: it is not put together for each of them."""
SCHEMAS = "#/components/schemas/"
ABOUT = "Customer relationships for banks: one document for the gateway and every service behind it."
LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Guanxi API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><p style="margin: 1rem; font-family: sans-serif">What is told over Kafka: <a href="/docs/events">events</a></p>
<div id="api"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body>
</html>
"""
START = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#api", deepLinking: true, tagsSorter: "alpha"});\n'
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
ASSETS = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}


def docs_router(upstreams: Upstreams) -> APIRouter:
    router = APIRouter(include_in_schema=False, dependencies=[Depends(Public())])
    kept, kept_until = b"", 0.0

    @router.get("/docs")
    async def page() -> Response:
        return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY})

    @router.get("/docs/{name}")
    async def asset(name: str) -> Response:
        if name == "start.js":
            return Response(START, media_type="text/javascript")
        if name not in ASSETS:
            raise Problem(HTTPStatus.NOT_FOUND, "There is no such page.")
        content = (files("fastapi_offline") / "static" / name).read_bytes()
        return Response(content, media_type=ASSETS[name], headers={"Cache-Control": "public, max-age=86400"})

    @router.get("/openapi.json")
    async def document(request: Request) -> Response:
        nonlocal kept, kept_until
        if time.monotonic() < kept_until:
            return Response(kept, media_type="application/json")
        found = await asyncio.gather(*[_ask(client) for client in upstreams.all])
        names = ["gateway", *(client.name for client in upstreams.all)]
        documents = [openapi(request.app), *found]
        merged = merge(dict(zip(names, documents, strict=True)), chassis(request).settings.limits)
        kept, kept_until = orjson.dumps(merged), time.monotonic() + KEPT_SECONDS
        return Response(kept, media_type="application/json")

    return router


def event_docs_router() -> APIRouter:
    router = APIRouter(include_in_schema=False, dependencies=[Depends(Public())])
    told = files("gateway") / "events"

    @router.get("/docs/events")
    async def page() -> Response:
        return HTMLResponse((told / "events.html").read_text(), headers={"Content-Security-Policy": POLICY})

    @router.get("/asyncapi.json")
    async def document() -> Response:
        return Response((told / "asyncapi.json").read_bytes(), media_type="application/json")

    return router


async def _ask(client: UpstreamClient) -> dict[str, Any]:
    """A service's document; an empty one where it does not answer, so that the page shows the others."""
    address, timeout = f"{client.at.management}/openapi.json", aiohttp.ClientTimeout(total=2)
    try:
        # Past the gate: that port is not the one that it guards.
        async with client.session.get(address, timeout=timeout) as answer:
            return dict(orjson.loads(await answer.read()))
    except (*FAILED, orjson.JSONDecodeError):
        return {}


def merge(documents: dict[str, dict[str, Any]], limits: Mapping[str, str]) -> dict[str, Any]:
    """One OpenAPI 3.1 document; a schema that several services have is named after its service too.

    `limits` are the gateway's own, which count for all: each operation tells how often one caller may ask.
    """
    merged: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Guanxi", "version": "1", "description": ABOUT, "license": LICENSE},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": {},
        "webhooks": {},
        "components": {
            "schemas": {"Problem": PROBLEM},
            "responses": PROBLEMS,
            "securitySchemes": BEARER,
        },
    }
    names = Counter(name for document in documents.values() for name in _schemas(document))
    for service, document in documents.items():
        renamed = {name: f"{service.capitalize()}{name}" for name in _schemas(document) if names[name] > 1}
        renamed.pop("Problem", None)  # the same one everywhere; a service that is away tells none
        own = _with_names(document, renamed)
        for path, operations in own.get("paths", {}).items():
            merged["paths"].setdefault(path, {}).update(operations)
            for operation in operations.values():
                _tell_limit(operation, limits)
        merged["components"]["schemas"] |= _schemas(own)
        merged["webhooks"] |= own.get("webhooks", {})
    return merged


def _tell_limit(operation: dict[str, Any], limits: Mapping[str, str]) -> None:
    """A service of another version may count kinds that are not known here."""
    if rate := limits.get(operation.get("x-limit", "")):
        operation["x-limit-rate"] = rate
        operation["description"] = f"{operation['description'].removesuffix('.')}, {rate}."


def _schemas(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document.get("components", {}).get("schemas", {})
    return found


def _with_names(document: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The same with other names of schemas, wherever one is referred to."""
    told = orjson.dumps(document)
    for name, other in names.items():
        told = told.replace(f'"{SCHEMAS}{name}"'.encode(), f'"{SCHEMAS}{other}"'.encode())
    renamed: dict[str, Any] = orjson.loads(told)
    schemas = {names.get(name, name): schema for name, schema in _schemas(renamed).items()}
    for name, schema in schemas.items():
        schema["title"] = name
    return {**renamed, "components": {"schemas": schemas}}
