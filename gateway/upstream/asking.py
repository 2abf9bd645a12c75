"""A request to a service, as a span of the trace of whoever asked the gateway."""

from contextlib import AbstractContextManager

from opentelemetry.trace import Span, SpanKind

from libs.common.tracing import span, traceparent


def asking(service: str, method: str) -> AbstractContextManager[Span | None]:
    return span(f"{method} {service}", SpanKind.CLIENT, {"peer.service": service, "http.request.method": method})


def trace_headers() -> dict[str, str]:
    """By which the service goes on with the trace."""
    current = traceparent()
    return {"traceparent": current} if current else {}
