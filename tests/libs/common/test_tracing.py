"""Traces that are continued, begun and told; and a collector that hangs keeps nobody from ending."""

import asyncio
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from libs.common import tracing
from libs.common.tracing import Sending, continue_trace, sending, span, trace_id, traceparent
from tests.conftest import ROOT

RECEIVED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(autouse=True)
def _apart() -> Iterator[None]:
    kept = tracing._current.set(None)
    yield
    tracing._current.reset(kept)


def test_a_trace_goes_on_as_it_was_told() -> None:
    assert continue_trace(RECEIVED) == RECEIVED[3:35] == trace_id()
    assert traceparent() == RECEIVED
    assert traceparent(sampled_only=True) == RECEIVED


@pytest.mark.parametrize(
    "received", [None, "", "0", RECEIVED.replace("00-0a", "01-0a"), RECEIVED.replace("b7ad6b7169203331", "0" * 16)]
)
def test_what_is_no_trace_begins_one(received: str | None) -> None:
    begun = continue_trace(received)
    assert begun != RECEIVED[3:35]
    assert (traceparent() or "").startswith(f"00-{begun}-")
    assert traceparent(sampled_only=True) is None, "nobody collects here"


def test_without_a_collector_there_are_no_spans() -> None:
    continue_trace(RECEIVED)
    with span("work", SpanKind.INTERNAL) as recorded:
        assert recorded is None
        assert traceparent() == RECEIVED
    assert sending("a.topic", None) is None
    assert sending("a.topic", RECEIVED) == Sending(RECEIVED)


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Where every span of this process is told."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing._told, "tracer", provider.get_tracer("tests"))
    monkeypatch.setattr(tracing._told, "share", 1.0)
    return exporter


@pytest.mark.parametrize(
    ("place", "status", "kind"),
    [("broken", 500, StatusCode.ERROR), (UUID(int=7), 404, StatusCode.UNSET), ("", 200, StatusCode.UNSET)],
)
async def test_a_request_that_failed_here_is_a_span_that_failed(
    client: httpx.AsyncClient, spans: InMemorySpanExporter, place: object, status: int, kind: StatusCode
) -> None:
    assert (await client.get(f"/api/v1/things/{place}".rstrip("/"))).status_code == status
    (span_,) = (told for told in spans.get_finished_spans() if told.kind is SpanKind.SERVER)
    assert (span_.attributes or {})["http.response.status_code"] == status
    assert span_.status.status_code is kind


ENDS = """
from opentelemetry.trace import SpanKind
from pydantic import BaseModel
from libs.common.tracing import configure_tracing, continue_trace, end_tracing, span, traceparent

class Settings(BaseModel):
    service: str = "probe"
    otlp_endpoint: str = "http://127.0.0.1:{port}"
    trace_share: float = 1.0

configure_tracing(Settings())
trace = continue_trace(None)
with span("outer", SpanKind.SERVER) as outer:
    header = traceparent()
    assert header.split("-")[1:] == [trace, f"{{outer.get_span_context().span_id:016x}}", "01"], header
    try:
        with span("inner", SpanKind.INTERNAL) as inner:
            raise ValueError("planted")
    except ValueError:
        assert traceparent() == header
assert "planted" not in inner.to_json(), inner.to_json()
end_tracing()
print("ended")
"""


async def test_a_collector_that_never_answers_keeps_no_process_from_ending() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        code = ENDS.format(port=hanging.getsockname()[1])
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=PIPE, stderr=STDOUT, cwd=ROOT)
        output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, output.decode().splitlines()[-1:]) == (0, ["ended"]), output.decode()
