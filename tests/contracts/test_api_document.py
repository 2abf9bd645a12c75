"""One OpenAPI document of all APIs: valid, complete, and what it promised once it promises still."""

import copy
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # it brings no types
from openapi_spec_validator import validate

from gateway.compatibility import broken
from gateway.documents import PACKAGES, PLACE, RELEASED, _app, document, render
from gateway.settings import LIMITS
from gateway.upstream.forwarding import KINDS
from libs.common.keyring import KeyRing

DOCUMENT = document()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}


def _found(told: dict[str, Any]) -> dict[str, Any]:
    """Itself, or what it refers to."""
    place: Any = DOCUMENT
    for step in told["$ref"].removeprefix("#/").split("/") if "$ref" in told else ():
        place = place[step]
    found: dict[str, Any] = place if "$ref" in told else told
    return found


def test_what_is_committed_is_what_the_apps_say() -> None:
    assert PLACE.read_text() == render(), "`make docs` writes it anew"


def test_asking_again_changes_nothing() -> None:
    assert document() == DOCUMENT
    with tempfile.TemporaryDirectory() as folder:
        KeyRing.generate(Path(folder) / "ring.json")
        app = _app("complaints", "services.complaints", Path(folder))
        first = json.dumps(app.document())
        assert json.dumps(app.document()) == first


def test_it_is_valid_openapi() -> None:
    validate(DOCUMENT)


@pytest.mark.parametrize(("app", "package"), PACKAGES.items())
def test_so_is_that_of_each_app(app: str, package: str, tmp_path: Path) -> None:
    KeyRing.generate(tmp_path / "ring.json")
    validate(_app(app, package, tmp_path).document())


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_an_operation_is_complete(operation: dict[str, Any]) -> None:
    assert operation["tags"]
    assert operation["summary"]
    assert operation["x-permission"] in operation["description"]
    assert operation["x-limit"] in operation["description"]
    assert {"400", "401", "403", "422", "429", "503"} <= operation["responses"].keys()
    assert any(status.startswith("2") for status in operation["responses"])
    for status, told in operation["responses"].items():
        answer = _found(told)
        assert answer["description"], status
        assert all("example" in content for content in answer.get("content", {}).values()), status
    assert all("example" in content for content in operation.get("requestBody", {}).get("content", {}).values())
    assert all("example" in parameter for parameter in operation["parameters"])


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)


def test_the_kind_that_is_told_is_the_kind_that_the_gateway_counts() -> None:
    told = {(path.split("/")[3], o["x-limit"]) for path, ops in DOCUMENT["paths"].items() for o in ops.values()}
    assert {(part, kind) for part, kind in told if kind == "reveal"} == set(KINDS.items())
    assert {kind for _, kind in told} <= LIMITS.keys()
    assert {(o["x-limit"], o["x-limit-rate"]) for o in OPERATIONS.values()} <= set(LIMITS.items())
    assert all(o["x-limit-rate"] in o["description"] for o in OPERATIONS.values())


def test_a_command_says_which_headers_it_needs() -> None:
    def headers(operation: str) -> set[str]:
        return {p["name"] for p in OPERATIONS[operation]["parameters"] if p["in"] == "header" and p["required"]}

    assert headers("POST /api/v1/complaints") == {"Idempotency-Key"}
    assert headers("POST /api/v1/complaints/{complaint_id}/reply") == {"Idempotency-Key", "If-Match"}
    assert headers("PUT /api/v1/customers/{customer_id}/home") == {"If-Match"}
    assert headers("GET /api/v1/complaints") == set()


def test_what_shows_one_thing_has_a_tag_and_is_not_sent_twice() -> None:
    own = [f"GET /api/v1/me/{part}" for part in ("view", "accounts", "complaints", "contact-points", "managers")]
    changing_by_themselves = {"GET /api/v1/reveals/{reveal_id}", "GET /api/v1/webhooks/{webhook_id}/secrets"}
    one = {name for name in OPERATIONS if name.startswith("GET") and name.endswith(("_id}", "/360", "/secrets"))}
    told = {name for name, o in OPERATIONS.items() if "If-None-Match" in {p["name"] for p in o["parameters"]}}
    assert told == one - changing_by_themselves | set(own)
    assert told == {name for name, o in OPERATIONS.items() if "304" in o["responses"]}
    assert all("ETag" in OPERATIONS[name]["responses"]["200"]["headers"] for name in told)
    assert "ETag" not in OPERATIONS["GET /api/v1/complaints"]["responses"]["200"]["headers"]


READING = {
    "POST /api/v1/customers/360:batch", "POST /api/v1/customers/find-by-document",
    "POST /api/v1/customers/find-by-last-four",
}  # fmt: skip
"""What is asked with a body and changes nothing."""
MAKING = {
    "POST /api/v1/access-grants", "POST /api/v1/accounts", "POST /api/v1/assignments", "POST /api/v1/complaints",
    "POST /api/v1/customers", "POST /api/v1/customers/batches", "POST /api/v1/ethical-walls", "POST /api/v1/me/complaints", "POST /api/v1/me/consents",
    "POST /api/v1/campaigns", "POST /api/v1/customer-relations", "POST /api/v1/tasks", "POST /api/v1/me/points/spend", "POST /api/v1/points-accounts/{account_id}/spend",
    "POST /api/v1/products", "POST /api/v1/org-units", "POST /api/v1/contribution-policies", "POST /api/v1/reveals", "POST /api/v1/staff", "POST /api/v1/webhooks",
    "POST /api/v1/webhooks/{webhook_id}/ping",
}  # fmt: skip
"""Commands that change nothing that is there. By hand: every other one changes something, and needs If-Match."""


def test_every_post_is_idempotent_and_every_change_conditional() -> None:
    changing = {name for name in OPERATIONS if name.partition(" ")[0] in ("POST", "PUT", "PATCH", "DELETE")}
    assert changing >= READING | MAKING
    for name in changing:
        told = {p["name"] for p in OPERATIONS[name]["parameters"] if p["in"] == "header" and p.get("required")}
        is_command = name not in READING
        assert ("If-Match" in told) == (is_command and name not in MAKING), name
        assert ("Idempotency-Key" in told) == (is_command and name.startswith("POST")), name


def _examples() -> Iterator[tuple[str, Any, Any]]:
    for name, operation in OPERATIONS.items():
        contents = [*operation.get("requestBody", {}).get("content", {}).values()]
        contents += [
            c for answer in operation["responses"].values() for c in _found(answer).get("content", {}).values()
        ]
        yield from ((name, content.get("schema", {}), content["example"]) for content in contents)
        yield from ((name, parameter["schema"], parameter["example"]) for parameter in operation["parameters"])


def test_every_example_is_one() -> None:
    for name, schema, example in _examples():
        whole = {**schema, "components": DOCUMENT["components"]}
        wrong = [error.message for error in Draft202012Validator(whole).iter_errors(example)]
        assert wrong == [], f"{name}: {wrong}"


def test_nothing_that_was_released_is_broken() -> None:
    assert broken(json.loads(RELEASED.read_text()), DOCUMENT) == []


def test_all_that_there_is_was_released() -> None:
    """Else it could go away again, and nobody would be told."""
    assert broken(DOCUMENT, json.loads(RELEASED.read_text())) == [], "make release"


def _released() -> dict[str, Any]:
    return copy.deepcopy(DOCUMENT)


REPLY, DETAIL = "/api/v1/complaints/{complaint_id}/reply", "/api/v1/complaints/{complaint_id}"


def test_an_operation_that_went_away_is_found() -> None:
    changed = _released()
    del changed["paths"][REPLY]["post"]
    assert broken(DOCUMENT, changed) == [f"POST {REPLY} is gone"]


def test_a_property_that_went_away_and_another_type_are_found() -> None:
    changed = _released()
    shown = changed["components"]["schemas"]["ComplaintView"]
    del shown["properties"]["number"]
    shown["properties"]["facts"] = {"type": "integer"}
    told = [line for line in broken(DOCUMENT, changed) if line.startswith(f"GET {DETAIL}:")]
    assert told == [
        f"GET {DETAIL}: 200: number is gone",
        f"GET {DETAIL}: 200: facts was string, is integer",
    ]


def test_a_problem_that_tells_less_is_found_and_one_that_comes_no_longer_breaks_nobody() -> None:
    changed = _released()
    del changed["components"]["schemas"]["Problem"]["properties"]["detail"]
    told = broken(DOCUMENT, changed)
    assert f"GET {DETAIL}: 400: detail is gone" in told
    assert len(told) == len(OPERATIONS)
    changed = _released()
    del changed["paths"][DETAIL]["get"]["responses"]["404"]
    assert broken(DOCUMENT, changed) == []


def test_what_is_newly_required_of_a_caller_is_found() -> None:
    changed = _released()
    taken = changed["components"]["schemas"]["Reply"]
    taken["properties"]["mood"] = {"type": "string"}
    taken["required"].append("mood")
    changed["paths"][DETAIL]["get"]["parameters"].append({"name": "why", "in": "query", "required": True, "schema": {}})
    assert broken(DOCUMENT, changed) == [
        f"GET {DETAIL}: the parameter why is required now",
        f"POST {REPLY}: body: mood is required now",
    ]


def test_what_was_shown_for_sure_and_in_one_form_stays_so() -> None:
    changed = _released()
    shown = changed["components"]["schemas"]["ComplaintView"]
    shown["required"].remove("number")
    del shown["properties"]["customer_id"]["format"]
    told = [line for line in broken(DOCUMENT, changed) if line.startswith(f"GET {DETAIL}:")]
    assert told == [
        f"GET {DETAIL}: 200: customer_id: its format was uuid, is None",
        f"GET {DETAIL}: 200: number may be missing now",
    ]


def test_a_parameter_that_takes_less_and_a_body_that_is_new_are_found() -> None:
    changed = _released()
    listed = changed["paths"]["/api/v1/complaints"]["get"]["parameters"]
    (limit,) = [parameter for parameter in listed if parameter["name"] == "limit"]
    limit["schema"] = {**limit["schema"], "maximum": 10}
    accept = "/api/v1/complaints/{complaint_id}/accept"
    changed["paths"][accept]["post"]["requestBody"] = {"required": True, "content": {}}
    assert broken(DOCUMENT, changed) == [
        "GET /api/v1/complaints: parameter limit: its maximum is 10 now",
        f"POST {accept}: a body is required now",
    ]


def test_a_webhook_that_went_away_or_tells_less_is_found() -> None:
    (name,) = DOCUMENT["webhooks"]
    gone, less = _released(), _released()
    del gone["webhooks"][name]
    assert broken(DOCUMENT, gone) == [f"the webhook {name} is gone"]
    (content,) = less["webhooks"][name]["post"]["requestBody"]["content"].values()
    content["schema"] = {"type": "string"}
    assert broken(DOCUMENT, less) == [f"webhook {name}: body was object, is string"]


def test_a_choice_that_callers_sent_and_is_taken_no_longer_is_found() -> None:
    changed = _released()
    changed["components"]["schemas"]["Channel"]["enum"].pop()
    assert any("is taken no longer" in line for line in broken(DOCUMENT, changed))


def test_what_is_only_added_breaks_nothing(tmp_path: Path) -> None:  # noqa: ARG001 - as the others
    changed = _released()
    changed["paths"]["/api/v1/new"] = {"get": changed["paths"][DETAIL]["get"]}
    changed["components"]["schemas"]["ComplaintView"]["properties"]["mood"] = {"type": "string"}
    changed["components"]["schemas"]["Reply"]["properties"]["mood"] = {"type": "string"}
    changed["paths"][DETAIL]["get"]["parameters"].append({"name": "why", "in": "query", "schema": {}})
    assert broken(DOCUMENT, changed) == []
