"""One page for all APIs. It loads nothing from outside: Swagger UI comes from an installed package."""

import asyncio
from http import HTTPStatus
from importlib.resources import files
from typing import Any

import aiohttp
import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from gateway.examples import EXAMPLES
from gateway.upstream.clients import UpstreamClient, Upstreams
from gateway.upstream.gate import FAILED, Shut
from libs.common.access import Public
from libs.common.openapi import PROBLEM, PROBLEMS, openapi
from libs.common.problems import Problem

SCHEMAS = "#/components/schemas/"
ABOUT = "Customer relationships for banks: one document for the gateway and every service behind it."
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Guanxi API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="api"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body>
</html>
"""
START = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#api", deepLinking: true, tagsSorter: "alpha"});\n'
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
ASSETS = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}


def docs_router(upstreams: Upstreams) -> APIRouter:
    router = APIRouter(include_in_schema=False, dependencies=[Depends(Public())])

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
        found = await asyncio.gather(*[_ask(client) for client in upstreams.all])
        names = ["gateway", *(client.name for client in upstreams.all)]
        documents = [openapi(request.app, EXAMPLES), *found]
        merged = merge(dict(zip(names, documents, strict=True)))
        return Response(orjson.dumps(merged), media_type="application/json")

    return router


async def _ask(client: UpstreamClient) -> dict[str, Any]:
    """A service's document; an empty one where it does not answer, so that the page shows the others."""
    address, timeout = f"{client.at.management}/openapi.json", aiohttp.ClientTimeout(total=2)
    try:
        with client.gate.passing():
            async with client.session.get(address, timeout=timeout) as answer:
                return dict(orjson.loads(await answer.read()))
    except (*FAILED, Shut, orjson.JSONDecodeError):
        return {}


def merge(documents: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """One OpenAPI 3.1 document; schema names are prefixed with their service, so that none hides another."""
    merged: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Guanxi", "version": "1", "description": ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": {},
        "components": {
            "schemas": {"Problem": PROBLEM},
            "responses": PROBLEMS,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }
    for service, document in documents.items():
        told = orjson.dumps(document).replace(f'"{SCHEMAS}'.encode(), f'"{SCHEMAS}{service}.'.encode())
        own = orjson.loads(told.replace(f"{SCHEMAS}{service}.Problem".encode(), f"{SCHEMAS}Problem".encode()))
        for path, operations in own.get("paths", {}).items():
            merged["paths"].setdefault(path, {}).update(operations)
        for name, schema in own.get("components", {}).get("schemas", {}).items():
            if name != "Problem":
                merged["components"]["schemas"][f"{service}.{name}"] = schema
    return merged
