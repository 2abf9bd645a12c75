import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # it brings no types

from guanxi.asyncapi import document, records
from guanxi.documents import FOLDER, render, stale, write
from libs.common.kafka import EPOCH
from libs.common.relay import event_headers
from libs.contracts.catalogue import DOCUMENTED

ROOT = Path(__file__).resolve().parents[2]
RENDERED = render()
SCHEMAS = sorted(path for path in RENDERED if path.parts[0] == "schemas")


def test_the_documents_say_what_the_contracts_say() -> None:
    assert stale(FOLDER) == [], "`make docs` writes them anew"


def test_a_changed_a_missing_and_a_superfluous_document_are_stale(tmp_path: Path) -> None:
    write(tmp_path)
    assert stale(tmp_path) == []
    (tmp_path / "asyncapi.json").write_text("{}\n")
    (tmp_path / "schemas" / "crm.account.opened.v1.json").unlink()
    (tmp_path / "schemas" / "crm.account.painted.v1.json").write_text("{}\n")
    outdated = ["asyncapi.json", "schemas/crm.account.opened.v1.json", "schemas/crm.account.painted.v1.json"]
    assert stale(tmp_path) == outdated


def test_writing_removes_what_is_published_no_longer(tmp_path: Path) -> None:
    write(tmp_path)
    forgotten = tmp_path / "schemas" / "crm.account.painted.v1.json"
    forgotten.write_text("{}\n")
    write(tmp_path)
    assert not forgotten.exists()
    assert stale(tmp_path) == []


def run(action: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "guanxi.documents", action, "--folder", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)  # noqa: S603 - our own


def test_check_says_by_its_exit_status_whether_the_documents_are_current(tmp_path: Path) -> None:
    assert run("write", tmp_path).returncode == 0
    assert run("check", tmp_path).returncode == 0
    (tmp_path / "asyncapi.json").unlink()
    done = run("check", tmp_path)
    assert (done.returncode, done.stderr) == (1, "`make docs` writes these anew: asyncapi.json\n")


def test_every_message_is_described_in_words() -> None:
    told = {name: message["description"] for name, message in document()["components"]["messages"].items()}
    assert {name: said for name, said in told.items() if not said or "(*, " in said} == {}


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_a_schema_is_a_json_schema_of_2020_12(path: PurePosixPath) -> None:
    Draft202012Validator.check_schema(json.loads(RENDERED[path]))


def test_every_topic_is_a_channel_that_holds_what_is_published_on_it() -> None:
    channels = document()["channels"]
    assert {channel["address"] for channel in channels.values()} == {topic.name for topic in DOCUMENTED}
    for record in records():
        assert record.type in channels[record.topic.name]["messages"]


def test_we_send_what_is_ours_and_receive_what_is_the_banks() -> None:
    actions = {op["channel"]["$ref"].rpartition("/")[2]: op["action"] for op in document()["operations"].values()}
    assert actions == {t.name: "send" if t.name.startswith("crm.") else "receive" for t in DOCUMENTED}


def test_the_headers_of_an_event_are_those_that_the_relay_sends() -> None:
    row = {
        "event_id": UUID(int=1),
        "type": "crm.customer.activated.v1",
        "subject": UUID(int=2),
        "sequence": 3,
        "occurred_at": datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    sent = {name: value.decode() for name, value in event_headers("crm.customer.events.v1", row)}
    sent["traceparent"] = row["traceparent"]
    told = document()["components"]["messages"][row["type"]]["headers"]
    Draft202012Validator(told, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(sent)
    assert {*sent, EPOCH} == set(told["properties"])


def test_every_reference_within_the_document_leads_somewhere() -> None:
    whole = document()
    references = list(_references(whole))
    assert references
    for reference in references:
        found = whole
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        here = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return here + [found for child in node.values() for found in _references(child)]
    return [found for child in node for found in _references(child)] if isinstance(node, list) else []
