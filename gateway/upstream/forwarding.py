"""Commands and queries passed on to the service that owns them.

Bodies are taken in whole, both ways: a caller who is slow to send or to read keeps no service waiting.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from math import inf

import aiohttp
import stamina
import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from yarl import URL

from gateway.upstream.asking import asking, trace_headers
from gateway.upstream.clients import CONNECT_SECONDS, UpstreamClient, Upstreams
from gateway.upstream.gate import FAILED, Shut
from libs.common.access import READS, Forwarded, chassis
from libs.common.clients import HEADER, client_credential, origin_of
from libs.common.hot import HotRoute
from libs.common.problems import RETRY_SOON, Problem

log = structlog.get_logger()

PREFIX = "/api/v1/"
OWNERS = {
    "customers": "customer",
    "customer-relations": "customer",
    "accounts": "customer",
    "interactions": "customer",
    "reveals": "customer",
    "org-units": "manager",
    "staff": "manager",
    "assignments": "manager",
    "tasks": "manager",
    "access-grants": "manager",
    "ethical-walls": "manager",
    "complaints": "complaints",
    "products": "marketing",
    "points-accounts": "marketing",
    "campaigns": "marketing",
    "campaign-members": "marketing",
    "scores": "scoring",
    "contribution-policies": "scoring",
    "me/contact-points": "customer",
    "me/consents": "customer",
    "me/points": "marketing",
    "me/complaints": "complaints",
}
"""How a path begins behind `/api/v1/` → the service that owns it."""

PASSED_ON = {
    b"accept", b"accept-language", b"authorization", b"content-type", b"guanxi-consistency", b"guanxi-reason",
    b"idempotency-key", b"if-match", b"if-none-match",
}  # fmt: skip
PASSED_BACK = {
    b"allow", b"cache-control", b"content-type", b"content-length", b"etag", b"guanxi-consistency",
    b"idempotency-replayed", b"retry-after", b"www-authenticate",
}  # fmt: skip
LARGEST_ANSWER = 8 * 1024 * 1024
"""Bytes. No page of a list comes near: a service that says more has gone wrong."""
PATIENCE = "Guanxi-Timeout"
"""For how many seconds a caller waits; what takes longer is given up here too."""
KINDS = {"reveals": "reveal"}
"""How a path begins → the kind that its commands count as, where it is not `command`."""
TOO_LARGE = "The answer is larger than what is passed on: ask for less of it, by a smaller `limit` or a filter."
NOT_DONE = "This is not done to this resource; Allow says what is."
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]


def forwarding_router(upstreams: Upstreams, own: Iterable[APIRouter]) -> APIRouter:
    """`own` are the gateway's own routers: what they answer by other methods is nobody else's."""
    router = APIRouter(include_in_schema=False, route_class=HotRoute)
    routes = [route for each in own for route in each.routes if isinstance(route, APIRoute)]
    named = {route.path for route in routes if "{" not in route.path} - {f"{PREFIX}{name}" for name in OWNERS}

    @router.api_route(f"{PREFIX}{{path:path}}", methods=METHODS, dependencies=[Depends(PassedOn())])
    async def forward(request: Request) -> Response:
        path = request.scope["path"]
        owner = None if path in named else _owner(request.path_params["path"])
        answer = None if owner is None else await _pass_on(upstreams[owner], request)
        if answer and answer.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            return answer
        allowed = {method for route in routes if route.path_regex.match(path) for method in route.methods or ()}
        if not answer and not allowed:
            raise Problem(HTTPStatus.NOT_FOUND, "There is no such resource.")
        told = set(answer.headers.get("allow", "").split(", ")) - {""} if answer else set()
        raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, NOT_DONE, headers={"Allow": ", ".join(sorted(told | allowed))})

    return router


def _owner(path: str) -> str | None:
    first, _, rest = path.partition("/")
    return OWNERS.get(first) or OWNERS.get(f"{first}/{rest.partition('/')[0]}")


class PassedOn(Forwarded):
    def kind_of(self, request: Request) -> str:
        kind = super().kind_of(request)
        return KINDS.get(request.path_params["path"].split("/")[0], kind) if kind == "command" else kind


@dataclass(frozen=True)
class Call:
    """A request as it is passed on."""

    method: str
    url: URL
    headers: Mapping[str, str]
    body: bytes | None
    seconds: float
    ends_at: float

    @classmethod
    async def of(cls, request: Request, client: UpstreamClient, longest: float) -> "Call":
        """Raises Problem 400 for a deadline that is none."""
        told, query = request.scope["headers"], request.url.query
        # As UTF-8, which the client writes again: a reason may be Chinese.
        headers = {name.decode(): value.decode(errors="replace") for name, value in told if name in PASSED_ON}
        shared = chassis(request)
        headers |= trace_headers()
        headers[HEADER] = client_credential(shared.shared_keyring, "gateway", origin_of(request), shared.clock)
        has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in told)
        seconds = _patience(request, longest)
        url = client.at.public + request.scope["raw_path"].decode("ascii")
        return cls(
            request.method,
            URL(f"{url}?{query}" if query else url, encoded=True),
            headers,
            await request.body() if has_body else None,
            seconds,
            time.monotonic() + seconds,
        )

    @property
    def is_repeatable(self) -> bool:
        """Whether sent twice it does the same as once. A change under If-Match is refused the second time."""
        return self.method in READS or (self.method == "POST" and "idempotency-key" in self.headers)

    async def once(self, session: aiohttp.ClientSession) -> aiohttp.ClientResponse:
        timeout = aiohttp.ClientTimeout(total=max(self.ends_at - time.monotonic(), 0.001), sock_connect=CONNECT_SECONDS)
        return await session.request(
            self.method, self.url, headers=self.headers, data=self.body, allow_redirects=False, timeout=timeout
        )


def _patience(request: Request, longest: float) -> float:
    told = request.headers.get(PATIENCE)
    if told is None:
        return longest
    try:
        seconds = float(told)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < inf:
        raise Problem(HTTPStatus.BAD_REQUEST, f"{PATIENCE} says for how many seconds you wait, as 2.5 does.")
    return min(seconds, longest)


async def _pass_on(client: UpstreamClient, request: Request) -> Response:
    try:
        with asking(client.name, request.method):
            call = await Call.of(request, client, client.longest)
            with client.gate.passing(patiently=call.seconds >= client.longest):
                return await _passed_back(await _answered(client.session, call))
    except (*FAILED, Shut):
        detail = "The service behind this resource does not answer; try again."
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=RETRY_SOON) from None


async def _answered(session: aiohttp.ClientSession, call: Call) -> aiohttp.ClientResponse:
    """A connection that broke is tried again, where that changes nothing, within the caller's time."""
    try:
        return await call.once(session)
    except aiohttp.ClientConnectionError:
        if not call.is_repeatable:
            raise
    again: aiohttp.ClientResponse
    left = max(call.ends_at - time.monotonic(), 0.001)
    async for attempt in stamina.retry_context(
        on=aiohttp.ClientConnectionError, attempts=2, timeout=left, wait_initial=0.05, wait_max=0.2
    ):
        with attempt:
            again = await call.once(session)
    return again


async def _passed_back(answer: aiohttp.ClientResponse) -> Response:
    told = [(name.lower(), value) for name, value in answer.raw_headers]
    kept = {name.decode(): value.decode("latin-1") for name, value in told if name in PASSED_BACK}
    return Response(await _whole(answer), answer.status, kept)


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    """Raises Problem for more than an answer may have. That counts as an answer: the service is there."""
    body = bytearray()
    async with answer:
        async for piece in answer.content.iter_any():
            body += piece
            if len(body) > LARGEST_ANSWER:
                answer.close()
                log.error("answer too large", bytes=len(body), host=answer.url.host, port=answer.url.port)
                raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, TOO_LARGE, headers=RETRY_SOON)
    return bytes(body)
