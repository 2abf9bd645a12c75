"""The trace that the current work belongs to, as W3C trace context (https://www.w3.org/TR/trace-context/).

Every piece of work has a trace id: logs, problems, audit entries and records name it. Of one in a hundred requests
(`GUANXI_TRACE_SHARE`) spans are told to a collector by OpenTelemetry, where `GUANXI_OTLP_ENDPOINT` names one. A span
has no attribute but names of routes, services and topics, and status codes: never an id, nor anything of a customer.
"""

import os
import random
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from libs.common.settings import Settings

TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
SAMPLED = 1
END_SECONDS = 2.0
EXPORT_SECONDS = 5.0

Attributes = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Trace:
    """`parent` is the span that what is done now belongs to; None at the beginning of a trace."""

    id: str
    parent: str | None
    sampled: bool


@dataclass
class _Told:
    """Where spans go, set once when a process starts. `decides` is True where strangers' wishes do not count."""

    tracer: Tracer | None = None
    share: float = 0.0
    decides: bool = False


_told = _Told()
_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def continue_trace(received: str | None) -> str:
    """Go on with the trace of a well-formed header; begin one otherwise. Returns the trace id."""
    trace = _read(received)
    if trace is None:
        trace = Trace(os.urandom(16).hex(), None, _chosen())
    elif _told.decides:
        trace = Trace(trace.id, trace.parent, _chosen())
    _current.set(trace)
    return trace.id


def _read(received: str | None) -> Trace | None:
    if not received or not TRACEPARENT.fullmatch(received):
        return None
    return Trace(received[3:35], received[36:52], bool(int(received[53:], 16) & SAMPLED))


def _chosen() -> bool:
    return _told.tracer is not None and random.random() < _told.share  # noqa: S311 - no secret


def traceparent(*, sampled_only: bool = False) -> str | None:
    """The header of what is done within the current work; None where there is none, or none that is sampled."""
    current = _current.get()
    if current is None or (sampled_only and not current.sampled):
        return None
    return f"00-{current.id}-{current.parent or os.urandom(8).hex()}-{int(current.sampled):02x}"


def trace_id() -> str | None:
    current = _current.get()
    return current.id if current else None


@contextmanager
def span(name: str, kind: SpanKind, attributes: Attributes | None = None) -> Iterator[Span | None]:
    """A span of the current trace, where it is sampled: what is done within belongs to it."""
    current, tracer = _current.get(), _told.tracer
    if tracer is None or current is None or not current.sampled:
        yield None
        return
    made = tracer.start_span(name, _context(current), kind, attributes, record_exception=False)
    token = _current.set(Trace(current.id, f"{made.get_span_context().span_id:016x}", sampled=True))
    try:
        yield made
    except Exception as error:
        made.set_status(StatusCode.ERROR, type(error).__name__)  # its message may quote data
        raise
    finally:
        _current.reset(token)
        made.end()


@dataclass(frozen=True, slots=True)
class Sending:
    """A record on its way: `header` is what it takes along. Its span, where it has one, ends when it is there."""

    header: str
    _span: Span | None = None

    def end(self, failure: BaseException | None) -> None:
        if self._span is not None:
            if failure is not None:
                self._span.set_status(StatusCode.ERROR, type(failure).__name__)
            self._span.end()


def sending(topic: str, received: str | None) -> Sending | None:
    """A record that goes on its way, in the trace of whoever caused it; None where that is in none."""
    trace, tracer = _read(received), _told.tracer
    if trace is None or received is None:
        return None
    if tracer is None or not trace.sampled:
        return Sending(received)
    made = tracer.start_span(f"send {topic}", _context(trace), SpanKind.PRODUCER, _messaging("send", topic))
    return Sending(f"00-{trace.id}-{made.get_span_context().span_id:016x}-{SAMPLED:02x}", made)


@contextmanager
def handling(topic: str) -> Iterator[None]:
    """A record that has its effect, within the current trace."""
    with span(f"process {topic}", SpanKind.CONSUMER, _messaging("process", topic)):
        yield


def tell_handled(topic: str, received: str, began: int) -> None:
    """A span of a record that had its effect with others, since `began` in nanoseconds, where its trace is sampled."""
    trace = _read(received)
    if _told.tracer is not None and trace is not None and trace.sampled:
        told = _messaging("process", topic)
        made = _told.tracer.start_span(f"process {topic}", _context(trace), SpanKind.CONSUMER, told, start_time=began)
        made.end()


def _messaging(work: str, topic: str) -> Attributes:
    return {"messaging.system": "kafka", "messaging.operation.type": work, "messaging.destination.name": topic}


def _context(trace: Trace) -> Context:
    """Empty at the beginning of a trace: the span there has no parent."""
    if trace.parent is None:
        return Context()
    flags = TraceFlags(TraceFlags.SAMPLED)
    known = SpanContext(int(trace.id, 16), int(trace.parent, 16), is_remote=True, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(known))


def configure_tracing(settings: "Settings", *, decides: bool = False) -> None:
    """Tell spans from now on, where the settings name a collector. It never holds up a start or an end."""
    _told.decides = decides
    if settings.otlp_endpoint is not None:
        provider = _provider(settings.service, settings.otlp_endpoint)
        _told.tracer, _told.share = provider.get_tracer("guanxi"), settings.trace_share


def _provider(service: str, endpoint: str) -> "TracerProvider":
    # Imported where it is wanted alone: it costs every process a fifth of a second.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415

    class OwnTraceIds(RandomIdGenerator):
        """The first span of a trace has the id that logs and records know it by."""

        def generate_trace_id(self) -> int:
            return int(trace_id() or "", 16)

    resource = Resource.create({"service.name": service, "service.namespace": "guanxi"})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False, id_generator=OwnTraceIds())
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    _providers.append(provider)
    return provider


_providers: list["TracerProvider"] = []


def end_tracing() -> None:
    """Tell what is left, for a moment: a collector that is away keeps no process from ending."""
    for provider in _providers:
        ending = threading.Thread(target=provider.shutdown, daemon=True)
        ending.start()
        ending.join(END_SECONDS)
