"""The promise of the events: names, keys, and bytes that will be readable for ever."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # it brings no types
from pydantic import TypeAdapter

from guanxi.documents import FOLDER
from libs.common.domain import DomainEvent, InvalidValue
from libs.common.outbox import adapter
from libs.contracts.catalogue import ANNOUNCEMENTS, CORE, EVENTS

GOLDEN = Path(__file__).parent / "golden"
PUBLISHED = [event for events in [*EVENTS.values(), *ANNOUNCEMENTS.values()] for event in events]
TYPE = re.compile(r"crm\.(?P<entity>[a-z]+(_[a-z]+)*)\.(?P<verb>[a-z]+(_[a-z]+)*)\.v[1-9]")

PERSONAL = {
    *("name", "surname", "birth", "birthday", "gender", "employer", "nationality"),
    *("number", "document", "passport", "phone", "mobile", "email", "mail", "address", "street", "card", "iban"),
    *("login", "logins", "subject"),
}
"""Words of field names that tell an identifier or a descriptor."""
HARMLESS = {("crm.complaint.received.v1", "number"): "the number of the case, of no person"}

every_event = pytest.mark.parametrize("event", PUBLISHED, ids=lambda event: event.type)


def golden(event: type[DomainEvent]) -> bytes:
    return (GOLDEN / f"{event.type}.json").read_bytes()


def decoded(event: type[DomainEvent]) -> DomainEvent:
    happened: DomainEvent = adapter(event).validate_json(golden(event))
    return happened


def subclasses(kind: type[DomainEvent]) -> Iterator[type[DomainEvent]]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def personal_fields(event: type[DomainEvent]) -> list[str]:
    schema = TypeAdapter(event).json_schema(mode="serialization")
    return [name for name in _properties(schema) if PERSONAL & set(name.split("_"))]


def _properties(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from node.get("properties", {})
        for child in node.values():
            yield from _properties(child)
    if isinstance(node, list):
        for child in node:
            yield from _properties(child)


@every_event
def test_a_type_names_the_thing_and_what_happened_to_it(event: type[DomainEvent]) -> None:
    named = TYPE.fullmatch(event.type)
    assert named
    words = f"{named['entity']}_{named['verb']}".split("_")
    assert event.__name__ == "".join(word.capitalize() for word in words)


def test_every_event_that_has_a_type_is_published_once() -> None:
    typed = {event for event in subclasses(DomainEvent) if "type" in vars(event) and event.__module__[:5] == "libs."}
    types = [event.type for event in PUBLISHED]
    assert typed == set(PUBLISHED)
    assert len(types) == len(set(types))


def test_the_events_of_a_contract_stand_on_the_topic_of_its_service() -> None:
    for topic, events in EVENTS.items():
        service = {event.__module__.rpartition(".")[2] for event in events}
        assert {f"crm.{name}.events.v1" for name in service} == {topic.name}


@every_event
def test_a_golden_sample_decodes_and_encodes_to_itself(event: type[DomainEvent]) -> None:
    encoded = adapter(event).dump_json(decoded(event))
    assert json.loads(encoded) == json.loads(golden(event))


@every_event
def test_a_golden_sample_fits_the_published_schema(event: type[DomainEvent]) -> None:
    schema = json.loads((FOLDER / "schemas" / f"{event.type}.json").read_text())
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(json.loads(golden(event)))


@pytest.mark.parametrize(("type_", "shape"), CORE.values(), ids=[type_ for type_, _ in CORE.values()])
def test_a_golden_sample_of_what_the_core_tells_is_read_as_it_stands(type_: str, shape: type) -> None:
    """A bank writes these: whatever it writes today can be read for ever."""
    told, core = (GOLDEN / f"{type_}.json").read_bytes(), TypeAdapter(shape)
    Draft202012Validator(json.loads((FOLDER / "schemas" / f"{type_}.json").read_text())).validate(json.loads(told))
    assert json.loads(core.dump_json(core.validate_json(told))) == json.loads(told)


@pytest.mark.parametrize(("type_", "shape"), CORE.values(), ids=[type_ for type_, _ in CORE.values()])
def test_a_time_that_the_core_tells_without_an_offset_is_refused(type_: str, shape: type) -> None:
    """It would be read in the zone of whoever reads it: eight hours of interest, or a booking of the wrong day."""
    told = json.loads((GOLDEN / f"{type_}.json").read_text())
    (time,) = [name for name, value in told.items() if str(value).endswith("Z")]
    with pytest.raises(InvalidValue) as refused:
        TypeAdapter(shape).validate_json(json.dumps({**told, time: told[time].removesuffix("Z")}))
    assert refused.value.field == time


def test_every_golden_sample_is_of_a_record_that_there_is() -> None:
    told = {type_ for type_, _ in CORE.values()}
    assert {path.stem for path in GOLDEN.glob("*.json")} == {event.type for event in PUBLISHED} | told


@every_event
def test_the_key_is_the_customer_where_one_is_concerned_and_else_the_aggregate(event: type[DomainEvent]) -> None:
    happened = decoded(event)
    customer_id = getattr(happened, "customer_id", None)
    assert happened.key == (customer_id or happened.subject)
    assert (customer_id in set(happened.customers())) == (customer_id is not None)


@every_event
def test_a_time_is_aware(event: type[DomainEvent]) -> None:
    happened = decoded(event)
    times = [value for value in vars(happened).values() if isinstance(value, datetime)]
    assert times
    assert all(time.tzinfo is not None for time in times)


@every_event
def test_an_event_carries_no_identifier_and_no_descriptor(event: type[DomainEvent]) -> None:
    assert [name for name in personal_fields(event) if (event.type, name) not in HARMLESS] == []


def test_every_harmless_field_is_still_there() -> None:
    fields = {(event.type, name) for event in PUBLISHED for name in personal_fields(event)}
    assert set(HARMLESS) <= fields


@dataclass(frozen=True, kw_only=True)
class Contact:
    home_phone: str


@dataclass(frozen=True, kw_only=True)
class SampleSpoiled(DomainEvent):
    type: ClassVar[str] = "crm.sample.spoiled.v1"
    customer_name: str
    contacts: list[Contact]
    amount: int


def test_an_identifier_in_an_event_is_found_however_deep() -> None:
    assert sorted(personal_fields(SampleSpoiled)) == ["customer_name", "home_phone"]


def test_a_sample_with_a_field_that_nobody_knows_is_no_golden_one() -> None:
    event = PUBLISHED[0]
    sample = {**json.loads(golden(event)), "nickname": "x"}
    happened = adapter(event).validate_json(json.dumps(sample))
    assert json.loads(adapter(event).dump_json(happened)) != sample
