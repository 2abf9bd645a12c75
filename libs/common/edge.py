"""The one middleware: trace, audit, timing, security headers, headers that a commit adds, the last resort for errors.

One and not five: each pure ASGI layer costs some microseconds, and BaseHTTPMiddleware several times that.
"""

import time
from http import HTTPStatus

import structlog
from opentelemetry.trace import Span, SpanKind, StatusCode
from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.audit import AuditTrail
from libs.common.audited import ensure_written
from libs.common.bounds import BoundedBody, Refused, check_head
from libs.common.logs import where
from libs.common.metrics import REQUESTS
from libs.common.problems import problem, unavailable
from libs.common.settings import Settings
from libs.common.tracing import continue_trace, span

log = structlog.get_logger()

CLOSE = {"Connection": "close"}
SECURITY_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
OVER_TLS = ((b"strict-transport-security", b"max-age=31536000"),)
"""Only where this app speaks TLS itself (RFC 6797, 7.2): for a year, nobody asks for it without."""

Headers = tuple[tuple[bytes, bytes], ...]


class _Answer:
    """What goes out of an answer: nothing before its entry is durable, and without that, 503."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, trail: AuditTrail, always: Headers) -> None:
        self._scope, self._receive, self._send, self._trail, self._always = scope, receive, send, trail, always
        self._late: dict[str, str] = {}
        self._withheld = False
        self.status = 500
        scope.setdefault("state", {})["late_headers"] = self._late

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            try:
                await ensure_written(self._scope, self._trail, message["status"])
            except Exception as error:  # noqa: BLE001 - whatever it is: without its entry nothing goes out
                log.error("answer withheld", error=type(error).__name__, at=where(error))
                self._withheld = True
                self._late.clear()
                await unavailable()(self._scope, self._receive, self._pass_on)
        if not self._withheld:
            await self._pass_on(message)

    async def _pass_on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            _add_headers(message, self._always, self._late)
        await self._send(message)


class Edge:
    def __init__(self, app: ASGIApp, settings: Settings, trail: AuditTrail) -> None:
        self.app, self._settings, self._trail = app, settings, trail
        self._timed: dict[tuple[str, str, int], Histogram] = {}
        self._always: Headers = (*SECURITY_HEADERS, *(OVER_TLS if settings.tls_certificate else ()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        trace = continue_trace(dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1"))
        answer = _Answer(scope, receive, send, self._trail, (*self._always, (b"guanxi-trace", trace.encode())))
        with span(scope["method"], SpanKind.SERVER) as recorded:
            try:
                await self._guarded(scope, receive, answer)
            finally:
                self._observe(scope, answer.status, time.perf_counter() - started, recorded)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = BoundedBody(receive, self._settings.largest_body, self._settings.body_seconds)
        scope["state"]["body"] = body
        try:
            check_head(scope, self._settings.largest_body)
            await self.app(scope, body, send)
        except Refused as refused:
            await problem(HTTPStatus(refused.status_code), refused.detail, headers=CLOSE)(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - answered already by the app's last handler; here it is logged
            log.error("request failed", error=type(error).__name__, at=where(error))

    def _observe(self, scope: Scope, status: int, seconds: float, recorded: Span | None) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        if recorded is not None:
            recorded.update_name(f"{scope['method']} {route}")
            told = {"http.request.method": scope["method"], "http.route": route, "http.response.status_code": status}
            recorded.set_attributes(told)
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                recorded.set_status(StatusCode.ERROR)
        labels = scope["method"], route, status
        timed = self._timed.get(labels)
        if timed is None:  # to find it by its labels costs more than to observe
            timed = self._timed[labels] = REQUESTS.labels(self._settings.service, *labels)
        timed.observe(seconds)


def _add_headers(message: Message, always: Headers, late: dict[str, str]) -> None:
    headers: list[tuple[bytes, bytes]] = [*message.get("headers", ()), *always]
    if late:
        headers += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in late.items()]
    if not any(name == b"cache-control" for name, _ in headers):
        headers.append((b"cache-control", b"private, no-cache"))
    message["headers"] = headers
