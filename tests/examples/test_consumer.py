"""What the example for integrators makes of a record: an event once, and nothing of what it cannot know."""

import importlib.util
import json
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest
from jsonschema import ValidationError  # type: ignore[import-untyped] # it brings no types

from guanxi.documents import FOLDER
from tests.conftest import ROOT

TYPE = "crm.customer.activated.v1"
GOLDEN = (ROOT / "tests" / "contracts" / "golden" / f"{TYPE}.json").read_bytes()


@dataclass
class Record:
    """As the client hands it over."""

    content: bytes | None = GOLDEN
    told: dict[str, bytes | None] = field(default_factory=dict)

    def headers(self) -> list[tuple[str, bytes | None]]:
        attributes = {"ce_id": b"1", "ce_type": TYPE.encode(), "ce_source": b"/guanxi/customer"}
        attributes |= {"ce_subject": b"2", "ce_sequence": b"3", "ce_time": b"2026-03-02T09:30:00+00:00"}
        return list({**attributes, **self.told}.items())

    def value(self) -> bytes | None:
        return self.content

    def key(self) -> bytes:
        return b"2"

    def topic(self) -> str:
        return "crm.customer.events.v1"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 7


@pytest.fixture
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("consumer", ROOT / "examples" / "consumer.py")
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def reader(example: ModuleType) -> Any:
    return example.Reader(FOLDER / "schemas")


@pytest.fixture
def show(example: ModuleType) -> Any:
    return example.show


def test_an_event_is_told_once_however_often_it_comes(reader: Any) -> None:
    event = reader.event(Record())
    assert (event["type"], event["sequence"], event["data"]) == (TYPE, 3, json.loads(GOLDEN))
    assert reader.event(Record()) is None
    assert reader.event(Record(told={"ce_id": b"another"}))


@pytest.mark.parametrize(
    "type_", [b"crm.customer.painted.v1", b"crm.section.customer.v1", b"crm.watermark.advanced.v1", b"", None]
)
def test_what_is_no_known_event_is_passed_over(reader: Any, type_: bytes | None) -> None:
    assert reader.event(Record(content=None, told={"ce_type": type_})) is None


def test_a_field_that_was_added_is_no_error_and_one_that_is_missing_is(reader: Any) -> None:
    content = json.loads(GOLDEN)
    assert reader.event(Record(json.dumps({**content, "mood": "glad"}).encode()))
    del content["customer_id"]
    with pytest.raises(ValidationError):
        reader.event(Record(json.dumps(content).encode(), {"ce_id": b"another"}))


@pytest.mark.parametrize(
    "record",
    [
        Record(b"{"),
        Record(b"\xff"),
        Record(b""),
        Record(None),
        Record(told={"ce_sequence": b"many"}),
        Record(told={"ce_type": b"\xff"}),
        Record(told={"ce_id": None, "ce_sequence": None}),
        Record(json.dumps({}).encode()),
    ],
)
def test_one_broken_record_is_told_and_holds_up_nobody(
    reader: Any, show: Any, record: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    show(reader, record)
    show(reader, Record())
    printed = capsys.readouterr()
    assert printed.err.startswith("crm.customer.events.v1 0 7: ")
    assert json.loads(printed.out)["id"] == "1"


def test_an_epoch_that_is_none_begins_nothing_again(reader: Any) -> None:
    assert [reader.begins_again(Record(told={"ce_epoch": told})) for told in (b"", b"many", b"-1", None)] == [False] * 4


def test_a_topic_that_was_sent_again_is_read_from_its_start_once(reader: Any) -> None:
    first, again = Record(), Record(told={"ce_epoch": b"7", "ce_id": b"another"})
    assert [reader.begins_again(each) for each in (first, first, again, first, again)] == [
        False,
        False,
        True,
        False,
        False,
    ]
    assert reader.event(Record(told={"ce_id": b"a third"})) is None, "it comes again, in its place"
    assert reader.event(again)
    assert reader.event(Record(told={"ce_id": b"a third", "ce_epoch": b"7"}))
