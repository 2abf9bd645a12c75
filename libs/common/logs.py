"""Structured logs: one JSON object a line on standard output, with the trace id, never with personal data."""

import logging
import sys
import time
from collections.abc import MutableMapping
from traceback import walk_tb
from typing import Any

import structlog

from libs.common.tracing import trace_id

REPEAT_SECONDS = 10.0


def configure_logs(service: str, level: str) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_trace,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    # Libraries speak through logging; what they say is cut to its kind, since their messages may quote data.
    logging.basicConfig(level=logging.WARNING, handlers=[_Forward()], force=True)


def _add_trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if current := trace_id():
        event["trace_id"] = current
    return event


class _Forward(logging.Handler):
    """Says the same only once in a while: a client whose server is away repeats itself many times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        message = record.msg if isinstance(record.msg, str) else "logged"
        said_at, held_back = self._said.get((record.name, message), (-REPEAT_SECONDS, 0))
        now = time.monotonic()
        if now - said_at < REPEAT_SECONDS:
            self._said[record.name, message] = said_at, held_back + 1
            return
        self._said[record.name, message] = now, 0
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        repeats = {"repeated": held_back} if held_back else {}
        structlog.get_logger(record.name).log(record.levelno, message, error=error, **repeats)


OWN = ("libs", "services", "gateway", "guanxi")


def where(error: BaseException) -> str:
    """The place that an error came from, as `file:line`: its message may quote data, its place never does.

    The innermost place in our own code, where there is one.
    """
    places = list(walk_tb(error.__traceback__))
    own = [place for place in places if any(f"/{name}/" in place[0].f_code.co_filename for name in OWN)]
    if not places:
        return "?"
    frame, line = (own or places)[-1]
    return f"{frame.f_code.co_filename.rpartition('/')[2]}:{line}"
