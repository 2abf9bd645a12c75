"""The published language promises for ever: what was released is kept, and each way to break it is found."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from guanxi.asyncapi import document
from guanxi.compatibility import broken
from guanxi.documents import FOLDER, RELEASED

TYPE, TOPIC = "crm.complaint.received.v1", "crm.complaints.events.v1"
Change = Callable[[dict[str, Any]], None]


def promised() -> dict[str, Any]:
    """The language of today, with some kinds of fields in it that it may have one day."""
    told = copy.deepcopy(document())
    received(told)["properties"]["channel"]["enum"] = ["counter", "phone"]
    received(told)["properties"]["mood"] = {"type": "string"}
    received(told)["properties"]["tags"] = {"type": "array", "items": {"type": "string"}}
    received(told)["properties"]["score"] = {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    return told


def received(told: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = told["components"]["schemas"]["ComplaintReceived"]
    return schema


def after(change: Change) -> list[str]:
    changed = promised()
    change(changed)
    return broken(promised(), changed)


def removed(told: dict[str, Any]) -> None:
    del received(told)["properties"]["cause"]


def renamed(told: dict[str, Any]) -> None:
    properties = received(told)["properties"]
    properties["reason"] = properties.pop("cause")


def retyped(told: dict[str, Any]) -> None:
    received(told)["properties"]["number"] = {"type": "integer"}


def made_required(told: dict[str, Any]) -> None:
    received(told)["required"].append("mood")


def no_longer_chosen(told: dict[str, Any]) -> None:
    received(told)["properties"]["channel"]["enum"].remove("phone")


def keyed_otherwise(told: dict[str, Any]) -> None:
    told["components"]["messages"][TYPE]["bindings"]["kafka"]["key"]["description"] = "The id of the complaint."


def made_optional(told: dict[str, Any]) -> None:
    received(told)["required"].remove("number")


def formatted_otherwise(told: dict[str, Any]) -> None:
    received(told)["properties"]["customer_id"]["format"] = "uri"


def counted(told: dict[str, Any]) -> None:
    received(told)["properties"]["business"]["enum"] = ["loan"]


def bounded(told: dict[str, Any]) -> None:
    received(told)["properties"]["cause"]["maxLength"] = 5


def never_null(told: dict[str, Any]) -> None:
    received(told)["properties"]["score"]["anyOf"].pop()


def perhaps_text(told: dict[str, Any]) -> None:
    received(told)["properties"]["score"]["anyOf"].insert(0, {"type": "string"})


def of_anything(told: dict[str, Any]) -> None:
    del received(told)["properties"]["tags"]["items"]


def closed(told: dict[str, Any]) -> None:
    received(told)["additionalProperties"] = False


def another_header(told: dict[str, Any]) -> None:
    told["components"]["messages"][TYPE]["headers"]["properties"]["ce_type"]["const"] = "x"


def another_form(told: dict[str, Any]) -> None:
    told["components"]["messages"][TYPE]["contentType"] = "application/avro"


def moved(told: dict[str, Any]) -> None:
    told["channels"][TOPIC]["address"] = "x"


def kept_shorter(told: dict[str, Any]) -> None:
    told["channels"][TOPIC]["bindings"]["kafka"]["topicConfiguration"]["retention.ms"] = 1


def sent_no_longer(told: dict[str, Any]) -> None:
    del told["channels"][TOPIC]["messages"][TYPE]


def header_gone(told: dict[str, Any]) -> None:
    del told["components"]["messages"][TYPE]["headers"]["properties"]["ce_sequence"]


def topic_gone(told: dict[str, Any]) -> None:
    del told["channels"][TOPIC]


def compacted(told: dict[str, Any]) -> None:
    told["channels"][TOPIC]["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"] = ["compact"]


def test_nothing_that_was_released_is_broken() -> None:
    assert broken(json.loads((FOLDER / RELEASED).read_text()), document()) == []


def test_all_that_there_is_was_released() -> None:
    """Else it could go away again, and nobody would be told."""
    assert broken(document(), json.loads((FOLDER / RELEASED).read_text())) == [], "make release"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (removed, f"{TYPE}: value: cause is gone"),
        (renamed, f"{TYPE}: value: cause is gone"),
        (retyped, f"{TYPE}: value: number was string, is integer"),
        (closed, f"{TYPE}: value: fields of any name are taken no longer"),
        (made_required, f"{TYPE}: value: mood is required now"),
        (no_longer_chosen, f"{TYPE}: value: channel: phone is taken no longer"),
        (keyed_otherwise, f"{TYPE}: its key was The id of the customer, as text., is The id of the complaint."),
        (made_optional, f"{TYPE}: value: number may be missing now"),
        (formatted_otherwise, f"{TYPE}: value: customer_id: its format was uuid, is uri"),
        (counted, f"{TYPE}: value: business: only loan is taken now"),
        (bounded, f"{TYPE}: value: cause: its maxLength is 5 now"),
        (never_null, f"{TYPE}: value: score: null is taken no longer"),
        (perhaps_text, f"{TYPE}: value: score: it may be string now"),
        (of_anything, f"{TYPE}: value: tags: each was string, is anything"),
        (another_header, f"{TYPE}: headers: ce_type: {TYPE} is taken no longer"),
        (another_form, f"{TYPE}: it was application/json, is application/avro"),
        (moved, f"{TOPIC}: its address was {TOPIC}, is x"),
        (kept_shorter, f"{TOPIC}: kept for 1 ms, where it was 1814400000"),
        (sent_no_longer, f"{TOPIC}: {TYPE} is gone"),
        (header_gone, f"{TYPE}: headers: ce_sequence is gone"),
        (topic_gone, f"{TOPIC} is gone"),
        (compacted, f"{TOPIC}: delete before, compact now"),
    ],
)
def test_a_promise_that_is_broken_is_found(change: Change, told: str) -> None:
    assert told in after(change)


def test_what_is_only_added_breaks_nothing() -> None:
    def added(told: dict[str, Any]) -> None:
        received(told)["properties"]["weather"] = {"type": "string"}
        received(told)["properties"]["channel"]["enum"].append("letter")
        received(told)["properties"]["score"]["anyOf"].reverse()
        told["channels"]["crm.new.v1"] = told["channels"][TOPIC]

    assert after(added) == []
