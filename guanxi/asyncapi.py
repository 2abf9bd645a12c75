"""The published language as one AsyncAPI 3.0 document (https://www.asyncapi.com/docs/reference/specification/v3.0.0).

Records are CloudEvents 1.0 in the binary mode of the Kafka binding: attributes in headers, the value is the data.
"""

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from libs.common.kafka import EPOCH
from libs.common.topics import EPOCH_BEGUN, WATERMARK, Topic
from libs.contracts import complaints, customer, manager
from libs.contracts.catalogue import ANNOUNCEMENTS, CORE, EVENTS, REFERENCES, SECTIONS

Json = dict[str, Any]
Kind = Literal["event", "section", "reference", "watermark", "epoch", "core"]

KAFKA = {"bindingVersion": "0.5.0"}
REFERENCE_KEYS = {
    customer.REFERENCE: "customer",
    manager.ASSIGNMENT_REFERENCE: "customer",
    manager.ORG_UNIT_REFERENCE: "organisation unit",
    manager.STAFF_REFERENCE: "member of staff",
    complaints.CASE_REFERENCE: "customer",
}
NEWEST = "The newest `ce_sequence` of a key holds. A record without a value is a tombstone: there is nothing any more."


@dataclass(frozen=True)
class EpochBegun:
    """Kafka had lost records: from here on all events of the last two weeks are sent again, with the ids they had."""


@dataclass(frozen=True)
class Record:
    """One kind of record that a topic holds."""

    type: str
    shape: Any
    kind: Kind
    topic: Topic

    @property
    def mode(self) -> JsonSchemaMode:
        return "validation" if self.kind == "core" else "serialization"


def records() -> list[Record]:
    """Everything that is published or listened to; a watermark stands in every compacted topic, an epoch in others."""
    told = {**EVENTS, **ANNOUNCEMENTS}
    found = [Record(event.type, event, "event", topic) for topic, events in told.items() for event in events]
    found += [Record(topic.name, shape, "section", topic) for topic, shape in SECTIONS.values()]
    found += [Record(topic.name, shape, "reference", topic) for topic, shape in REFERENCES.items()]
    compacted = [*(topic for topic, _ in SECTIONS.values()), *REFERENCES]
    found += [Record(WATERMARK, datetime, "watermark", topic) for topic in compacted]
    found += [Record(EPOCH_BEGUN, EpochBegun, "epoch", topic) for topic in EVENTS]
    return found + [Record(type_, shape, "core", topic) for topic, (type_, shape) in CORE.items()]


def document() -> Json:
    known = records()
    by_type = {record.type: record for record in known}
    payloads, schemas = _payloads(by_type.values())
    topics = {record.topic.name: record.topic for record in known}
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Guanxi",
            "version": "1",
            "description": "What Guanxi tells the world, and what it hears from the bank's own systems.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(topic, known) for name, topic in topics.items()},
        "operations": dict(_operation(name) for name in topics),
        "components": {
            "messages": {name: _message(record, payloads[name]) for name, record in by_type.items()},
            "schemas": schemas,
        },
    }


def _payloads(known: Iterable[Record]) -> tuple[dict[str, Json], Json]:
    """The schema of each type, and the schemas that they share."""
    inputs = [(record.type, record.mode, TypeAdapter(record.shape)) for record in known]
    schemas, shared = TypeAdapter.json_schemas(inputs, ref_template="#/components/schemas/{model}")
    return {name: schema for (name, _), schema in schemas.items()}, shared.get("$defs", {})


def _channel(topic: Topic, known: Iterable[Record]) -> Json:
    types = sorted(record.type for record in known if record.topic == topic)
    days = topic.retention.days
    kept = f"kept for {days} days" if topic.cleanup == "delete" else f"compacted within {days} days"
    configuration: Json = {"cleanup.policy": [topic.cleanup]}
    configuration |= {name: int(value) for name, value in topic.config.items() if value.isdecimal()}
    return {
        "address": topic.name,
        "description": f"Records are {kept}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in types},
        "bindings": {"kafka": {**KAFKA, "topic": topic.name, "topicConfiguration": configuration}},
    }


def _operation(topic: str) -> tuple[str, Json]:
    """We send what is ours and receive what is the bank's."""
    action = "send" if topic.startswith("crm.") else "receive"
    return f"{action}.{topic}", {"action": action, "channel": {"$ref": f"#/channels/{topic}"}}


def _message(record: Record, payload: Json) -> Json:
    said = inspect.getdoc(record.shape) if record.kind != "watermark" else "Up to this time the topic is complete."
    message: Json = {
        "name": record.type,
        "description": f"{said}\n\n{NEWEST}" if record.kind in ("section", "reference") else said,
        "contentType": "text/plain" if record.kind == "watermark" else "application/json",
        "payload": payload,
        "bindings": {"kafka": {**KAFKA, "key": _key(record)}},
    }
    if record.kind != "core":
        message["headers"] = _headers(record)
    return message


def _key(record: Record) -> Json:
    match record.kind:
        case "core":
            return {"type": "string", "description": "The main holder's customer number in the core, as text."}
        case "watermark" | "epoch":
            return {"type": "string", "const": record.kind}
        case "section":
            whose = "customer"
        case "reference":
            whose = REFERENCE_KEYS[record.topic]
        case "event":
            concerns_customer = "customer_id" in record.shape.__dataclass_fields__
            whose = "customer" if concerns_customer else "thing that `ce_subject` names"
    return {"type": "string", "format": "uuid", "description": f"The id of the {whose}, as text."}


def _headers(record: Record) -> Json:
    properties = dict(_header_properties(record))
    required = sorted(set(properties) - {"traceparent", EPOCH})
    return {"type": "object", "properties": properties, "required": required}


def _header_properties(record: Record) -> Iterator[tuple[str, Json]]:
    yield "ce_specversion", {"type": "string", "const": "1.0"}
    yield "ce_type", {"type": "string", "const": record.type}
    yield "ce_id", {"type": "string", "description": "A repeated record has the same id."}
    yield "ce_source", {"type": "string", "pattern": "^/guanxi/[a-z_]+$", "description": "The service."}
    again = "Set since a broker lost records and all were sent again: when, in microseconds."
    yield EPOCH, {"type": "string", "pattern": "^[0-9]+$", "description": again}
    if record.kind in ("watermark", "epoch"):
        return
    meaning = "The version of the aggregate." if record.kind == "event" else "The version of the document."
    yield "ce_sequence", {"type": "string", "pattern": "^[0-9]+$", "description": meaning}
    yield "ce_time", {"type": "string", "format": "date-time"}
    subject = "aggregate" if record.kind == "event" else "thing that the document is about"
    yield "ce_subject", {"type": "string", "format": "uuid", "description": f"The id of the {subject}."}
    yield "traceparent", {"type": "string", "description": "W3C trace context, where the cause is known."}
    if record.kind == "event":
        yield "content-type", {"type": "string", "const": "application/json"}
