"""Commands and queries passed on to the service that owns them, streamed both ways."""

from collections.abc import AsyncIterator
from http import HTTPStatus

import aiohttp
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response, StreamingResponse
from yarl import URL

from gateway.settings import GatewaySettings
from gateway.upstreams import Upstreams
from libs.common.access import Forwarded, HotRoute, chassis
from libs.common.clients import HEADER, client_credential, origin_of
from libs.common.problems import RETRY_SOON, Problem
from libs.common.tracing import traceparent

PREFIX = "/api/v1/"
OWNERS = {
    "customers": "customer",
    "accounts": "customer",
    "reveals": "customer",
    "org-units": "manager",
    "staff": "manager",
    "assignments": "manager",
    "access-grants": "manager",
    "ethical-walls": "manager",
    "complaints": "complaints",
    "me/contact-points": "customer",
    "me/consents": "customer",
    "me/complaints": "complaints",
}
"""How a path begins behind `/api/v1/` → the service that owns it."""

PASSED_ON = {
    b"accept", b"accept-language", b"authorization", b"content-type", b"content-length", b"guanxi-consistency",
    b"guanxi-reason", b"idempotency-key", b"if-match", b"if-none-match",
}  # fmt: skip
PASSED_BACK = {
    b"allow", b"cache-control", b"content-type", b"content-length", b"etag", b"guanxi-consistency",
    b"idempotency-replayed", b"retry-after", b"www-authenticate",
}  # fmt: skip
AT_ONCE = 256 * 1024
"""Bytes of an answer that are passed on whole: a stream costs more than so little."""
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def forwarding_router(settings: GatewaySettings, upstreams: Upstreams) -> APIRouter:
    router = APIRouter(include_in_schema=False, route_class=HotRoute)

    @router.api_route(f"{PREFIX}{{path:path}}", methods=METHODS, dependencies=[Depends(Forwarded())])
    async def forward(request: Request) -> Response:
        parts: list[str] = request.path_params["path"].split("/")
        owner = OWNERS.get(parts[0]) or OWNERS.get("/".join(parts[:2]))
        if owner is None:
            raise Problem(HTTPStatus.NOT_FOUND, "There is no such resource.")
        url, query = settings.upstreams[owner].public + request.scope["raw_path"].decode("ascii"), request.url.query
        return await _pass_on(upstreams, request, f"{url}?{query}" if query else url)

    return router


async def _pass_on(upstreams: Upstreams, request: Request, url: str) -> Response:
    told = request.scope["headers"]
    # As UTF-8, which the client writes again: a reason may be Chinese.
    headers = {name.decode(): value.decode(errors="replace") for name, value in told if name in PASSED_ON}
    shared = chassis(request)
    headers["traceparent"] = traceparent() or ""
    headers[HEADER] = client_credential(shared.shared_keyring, "gateway", origin_of(request), shared.clock)
    has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in told)
    body = request.stream() if has_body else None
    try:
        answer = await upstreams.session.request(
            request.method, URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
        )
        return await _passed_back(answer)
    except (aiohttp.ClientError, TimeoutError, OSError):
        if refused := request.scope["state"]["body"].refused:
            raise refused from None
        detail = "The service behind this resource does not answer; try again."
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=RETRY_SOON) from None


async def _passed_back(answer: aiohttp.ClientResponse) -> Response:
    told = [(name.lower(), value) for name, value in answer.raw_headers]
    kept = {name.decode(): value.decode("latin-1") for name, value in told if name in PASSED_BACK}
    if answer.content_length is not None and answer.content_length <= AT_ONCE:
        return Response(await answer.read(), answer.status, kept)
    return StreamingResponse(_content(answer), answer.status, kept)


async def _content(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The body as it comes. The connection is given back even when the caller hangs up halfway."""
    try:
        async for piece in answer.content.iter_any():
            yield piece
    finally:
        answer.release()
