"""Structured logs: one JSON object a line on standard output, with the trace id, never with personal data."""

import logging
import sys
from collections.abc import MutableMapping
from traceback import walk_tb
from typing import Any

import structlog

from libs.common.tracing import trace_id


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
    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        structlog.get_logger(record.name).log(
            record.levelno, record.msg if isinstance(record.msg, str) else "logged", error=error
        )


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
