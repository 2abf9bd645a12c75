"""A collector of OpenTelemetry: keeps every span that it is told."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(frozen=True)
class Told:
    """A span as it arrived. `parent` is empty at the beginning of a trace."""

    service: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, str]

    @classmethod
    def of(cls, service: str, span: Span) -> "Told":
        ids = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
        kind = Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_")
        return cls(service, span.name, kind, *ids, _texts(span.attributes))


def _texts(attributes: Iterator[KeyValue]) -> dict[str, str]:
    return {each.key: each.value.string_value or str(each.value.int_value) for each in attributes}


@dataclass
class Collector:
    url: str = ""
    spans: list[Told] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    """As they came: whoever looks for something misses nothing."""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _texts(resource.resource.attributes)["service.name"]
            self.spans += [Told.of(service, span) for scope in resource.scope_spans for span in scope.spans]
        done = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=done, content_type="application/x-protobuf")


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield collector
    finally:
        await runner.cleanup()
