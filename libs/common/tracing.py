"""The trace that the current work belongs to, as W3C trace context (https://www.w3.org/TR/trace-context/)."""

import os
import re
from contextvars import ContextVar

TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def continue_trace(received: str | None) -> str:
    """Go on with the trace of a well-formed header; begin one otherwise. Returns the trace id."""
    if received and TRACEPARENT.fullmatch(received):
        trace_id, flags = received[3:35], received[53:]
    else:
        trace_id, flags = os.urandom(16).hex(), "00"
    _current.set(f"00-{trace_id}-{os.urandom(8).hex()}-{flags}")
    return trace_id


def traceparent() -> str | None:
    return _current.get()


def trace_id() -> str | None:
    current = _current.get()
    return current[3:35] if current else None
