"""Commands and queries passed on to the service that owns them, streamed both ways."""

from collections.abc import AsyncIterator
from http import HTTPStatus

import aiohttp
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response, StreamingResponse
from yarl import URL

from gateway.settings import GatewaySettings
from gateway.upstreams import Upstreams
from libs.common.access import Forwarded, chassis
from libs.common.clients import HEADER, client_credential, origin_of
from libs.common.problems import RETRY_SOON, Problem
from libs.common.tracing import traceparent

OWNERS = {
    "customers": "customer",
    "accounts": "customer",
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
    "accept", "accept-language", "authorization", "content-type", "content-length", "guanxi-consistency",
    "guanxi-reason", "idempotency-key", "if-match", "if-none-match",
}  # fmt: skip
PASSED_BACK = {
    "allow", "cache-control", "content-type", "content-length", "etag", "guanxi-consistency", "idempotency-replayed",
    "retry-after", "www-authenticate",
}  # fmt: skip


def forwarding_router(settings: GatewaySettings, upstreams: Upstreams) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.api_route(
        "/api/v1/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], dependencies=[Depends(Forwarded())]
    )
    async def forward(path: str, request: Request) -> Response:
        first, second, *_ = [*path.split("/"), ""]
        owner = OWNERS.get(first) or OWNERS.get(f"{first}/{second}")
        if owner is None:
            raise Problem(HTTPStatus.NOT_FOUND, "There is no such resource.")
        url = settings.upstreams[owner].public + request.scope["raw_path"].decode("ascii")
        return await _pass_on(upstreams, request, f"{url}?{request.url.query}" if request.url.query else url)

    return router


async def _pass_on(upstreams: Upstreams, request: Request, url: str) -> Response:
    headers = {name: value for name, value in request.headers.items() if name in PASSED_ON}
    shared = chassis(request)
    headers["traceparent"] = traceparent() or ""
    headers[HEADER] = client_credential(shared.shared_keyring, "gateway", origin_of(request), shared.clock)
    has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
    body = request.stream() if has_body else None
    try:
        answer = await upstreams.session.request(
            request.method, URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
        )
    except (aiohttp.ClientError, TimeoutError, OSError):
        detail = "The service behind this resource does not answer; try again."
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=RETRY_SOON) from None
    passed_back = {name: value for name, value in answer.headers.items() if name.lower() in PASSED_BACK}
    return StreamingResponse(_content(answer), answer.status, passed_back)


async def _content(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The body as it comes. The connection is given back even when the caller hangs up halfway."""
    try:
        async for piece in answer.content.iter_any():
            yield piece
    finally:
        answer.release()
