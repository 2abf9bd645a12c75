"""What one request set going is one trace, over every process: gateway, service, relay, publisher, readers."""

import re

import pytest

from guanxi.local.issuer import ADMIN
from guanxi.local.settings import APPS
from libs.contracts import customer
from tests.collector import Collector, Told
from tests.e2e.person import SignIn
from tests.e2e.test_story import known, open_branch, view_when
from tests.polling import until

pytestmark = pytest.mark.e2e

EVENTS, SECTION = customer.EVENTS.name, customer.SECTION.name
PATH = [
    ("gateway", "SERVER", "POST /api/v1/{path:path}"),
    ("gateway", "CLIENT", "POST customer"),
    ("customer", "SERVER", "POST /api/v1/customers"),
    ("customer", "PRODUCER", f"send {EVENTS}"),
    ("manager", "CONSUMER", f"process {EVENTS}"),
    ("customer", "PRODUCER", f"send {SECTION}"),
    ("gateway", "CONSUMER", f"process {SECTION}"),
]
ID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-")
ATTRIBUTES = {
    "http.request.method", "http.route", "http.response.status_code", "peer.service",
    "messaging.system", "messaging.operation.type", "messaging.destination.name",
}  # fmt: skip


async def test_a_registration_is_one_trace_through_every_process(signed_in: SignIn, collector: Collector) -> None:
    here = await open_branch(signed_in(ADMIN, "admin"), "tr1")
    teller = signed_in("teller-tr1", "teller")
    await known(teller)
    made = await teller.post("/api/v1/customers", {"name": "迹", "home_unit_id": here.unit_id})
    assert made.status_code == 201, made.text
    await view_when(teller, made.json()["id"], lambda sections: sections["profile"]["state"] == "ok")
    trace = made.headers["Guanxi-Trace"]

    def of_it() -> list[Told]:
        return [span for span in collector.spans if span.trace == trace]

    async def arrived() -> bool:
        return set(PATH) <= {(span.service, span.kind, span.name) for span in of_it()}

    async def belong_together() -> bool:
        """A span is exported when it ends, in any order: a parent may come after what it caused."""
        told = of_it()
        return {span.parent for span in told} - {""} <= {span.id for span in told}

    await until(arrived)
    await until(belong_together)
    (first,) = [span for span in of_it() if not span.parent]
    assert (first.service, first.kind, first.name) == PATH[0]


async def test_a_span_says_routes_topics_and_status_codes_alone(collector: Collector) -> None:
    assert {name for span in collector.spans for name in span.attributes} <= ATTRIBUTES
    assert {span.service for span in collector.spans} == set(APPS)
    said = {text for span in collector.spans for text in (span.name, *span.attributes.values())}
    assert [text for text in said if ID.search(text)] == []


async def test_a_strangers_wish_to_be_traced_counts_for_nothing(signed_in: SignIn, collector: Collector) -> None:
    head = signed_in(ADMIN, "admin")
    asked = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    answer = await head.client.get("/api/v1/org-units", headers={"traceparent": asked})
    assert answer.headers["Guanxi-Trace"] == asked[3:35], "the trace goes on"

    async def told() -> bool:
        return any(span.trace == asked[3:35] for span in collector.spans)

    await until(told)
