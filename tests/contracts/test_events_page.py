"""The page of events says all that the AsyncAPI document says, and loads nothing."""

import json
import re
from pathlib import Path

import pytest

from guanxi.asyncapi import document
from guanxi.events_page import SERVED, page, served, stale

PAGE = page(document())
LOADED = re.compile(r"<(script|link|img|iframe)|url\(|@import|src=")


def test_what_the_gateway_answers_is_current() -> None:
    assert stale(SERVED) == [], "`make docs` writes them anew"
    assert json.loads((SERVED / "asyncapi.json").read_text()) == document()


def test_a_missing_and_a_changed_file_are_stale(tmp_path: Path) -> None:
    assert stale(tmp_path) == list(served())
    for name, text in served().items():
        (tmp_path / name).write_text(text)
    assert stale(tmp_path) == []
    (tmp_path / "events.html").write_text("<p>old</p>")
    assert stale(tmp_path) == ["events.html"]


def test_it_loads_nothing() -> None:
    assert not LOADED.search(PAGE)
    assert not re.search(r'href="(?!#|/)', PAGE)


@pytest.mark.parametrize("name", document()["channels"])
def test_every_topic_is_there_with_every_record_of_it(name: str) -> None:
    told = PAGE.partition(f'<section id="{name}">')[2].partition("</section>")[0]
    for message in document()["channels"][name]["messages"]:
        assert f"<h3>{message}</h3>" in told


@pytest.mark.parametrize("shape", ["ComplaintReceived", "CustomerRegistered", "ValueScore", "HoldingsChanged"])
def test_every_field_of_a_record_is_there(shape: str) -> None:
    for field in document()["components"]["schemas"].get(shape, {}).get("properties", {}):
        assert re.search(rf"<code>([\w\[\].]+\.)?{field}</code>", PAGE), field


def test_what_is_told_is_never_taken_for_html() -> None:
    told = json.loads(json.dumps(document()))
    told["info"]["description"] = "<script>alert(1)</script>"
    assert "<script>" not in page(told)
