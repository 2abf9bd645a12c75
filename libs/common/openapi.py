"""The OpenAPI 3.1 document of an API: what its code declares, and what the chassis adds to every operation.

Each operation tells its permission, its kind for limits, the headers that it takes, every status that it answers with,
and an example of what goes in and what comes out. Examples are made from one value per name of a property.
"""

import copy
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from libs.common.access import READS, OwnCustomer, Requires
from libs.common.commands import Command
from libs.common.schemas import View

Document = dict[str, Any]

PROBLEM: Document = {
    "type": "object",
    "description": "An error (RFC 9457). `trace_id` finds it in the logs; `errors` names fields, `allowed` moves.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "trace_id": {"type": ["string", "null"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
        "allowed": {"type": "array", "items": {"type": "string"}},
    },
}
ALWAYS = {
    400: "A header is missing or is none of its kind.",
    401: "A valid bearer token is needed; or, for some, a sign-in of a moment ago by a stronger means (RFC 9470).",
    403: "Your roles lack the permission.",
    408: "The body did not come in time.",
    413: "The body is too large.",
    422: "A value is wrong; `errors` names its field.",
    429: "You asked too often; Retry-After says for how many seconds to wait.",
    431: "The head is too large.",
    503: "Something that this needs does not answer, or knows too little; Retry-After says when to try again.",
}
NOT_FOUND = {404: "There is no such thing, or none that you may see: nobody learns which."}
COMMAND = {409: "It contradicts what is stored, or the state forbids it; or the same command is under way."}
CONDITIONAL = {412: "It was changed meanwhile: read it again.", 428: "If-Match is missing."}
NOT_CHANGED = {304: "You have it already."}


def _header(name: str, description: str, example: str, *, required: bool = False, **bounds: int) -> Document:
    schema = {"type": "string", **bounds}
    told: Document = {"name": name, "in": "header", "required": required, "description": description}
    return {**told, "schema": schema, "example": example}


HEADERS = {
    header["name"]: header
    for header in (
        _header(
            "Idempotency-Key",
            "New for each command: a repeat gets the first answer.",
            "7f3c-1",
            required=True,
            minLength=1,
            maxLength=255,
        ),
        _header(
            "If-Match", "The version of what you last read: as its ETag tells it, or in quotes.", '"3"', required=True
        ),
        _header("If-None-Match", "ETags of what you have: if nothing else is there, 304 says so.", '"3"'),
        _header("Guanxi-Consistency", "What a command answered: wait until it holds here.", "eyJ"),
        _header("Guanxi-Reason", "Why; auditors need one for every request.", "annual audit", maxLength=200),
    )
}
TAG = {
    "ETag": {
        "description": "Of what is shown, for If-None-Match; of one thing for If-Match too.",
        "schema": {"type": "string"},
    }
}
TOLD = {
    "RateLimit": {"description": 'What is left: `"read";r=1187;t=42`.', "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": 'The limit: `"read";q=1200;w=60`.', "schema": {"type": "string"}},
}
BEARER = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
WRITTEN = {
    "Guanxi-Consistency": {"description": "Send it along with what rests on this.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {"description": "`true` where it was carried out before.", "schema": {"type": "string"}},
}


def openapi(api: FastAPI) -> Document:
    """The document, complete; made once. `api.state.examples` are values by names of properties."""
    made: Document | None = getattr(api.state, "document", None)
    if made is None:
        made = api.state.document = _made(copy.deepcopy(api.openapi()), api, api.state.examples)
    return made


def _made(document: Document, api: FastAPI, examples: Mapping[str, Any]) -> Document:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = PROBLEM
    document["components"] |= {"responses": PROBLEMS, "securitySchemes": BEARER}
    document["security"] = [{"bearer": []}]
    maker = Examples(schemas, examples)
    for route in iter_route_contexts(api.routes):
        for method in route.methods or ():
            operation = document["paths"].get(route.path, {}).get(method.lower())
            if operation is not None:
                _complete(operation, route, method, maker)
    for told in document.get("webhooks", {}).values():
        _tell(told["post"], maker)
    return document


def _tell(operation: Document, maker: "Examples") -> None:
    """What we send: nobody signs in for it, and whoever is told answers as they like."""
    operation["security"] = []
    operation["responses"].pop("422", None)
    for content in operation["requestBody"]["content"].values():
        content["example"] = maker.of(content["schema"])


def permissions_of(route: RouteContext) -> list[str]:
    return [required.permission for required in _required(route)]


def _required(route: RouteContext) -> list[Requires]:
    if not isinstance(route.original_route, APIRoute):
        return []
    calls = (dependency.call for dependency in route.dependant.dependencies)
    return [call for call in calls if isinstance(call, Requires)]


def _complete(operation: Document, route: RouteContext, method: str, maker: "Examples") -> None:
    (required,), calls = _required(route), list(calls_of(route.dependant))
    command = next((call for call in calls if isinstance(call, Command)), None)
    kind = required.kind_by(method)
    operation["x-permission"], operation["x-limit"] = required.permission, kind
    told = f"Needs the permission `{required.permission}`; counts as `{kind}`."
    operation["description"] = "\n\n".join(text for text in (operation.get("description"), told) if text)
    tagged = _is_tagged(getattr(route.original_route, "response_model", None))
    operation.setdefault("parameters", []).extend(_headers(method, command, required, tagged=tagged))
    finds = "{" in (route.path or "") or method == "POST" or OWN in calls
    _answers(operation, command, maker, finds=finds, tagged=tagged)
    for content in operation.get("requestBody", {}).get("content", {}).values():
        content["example"] = maker.of(content["schema"])
    for parameter in operation["parameters"]:
        if "example" not in parameter:
            parameter["example"] = maker.of(parameter["schema"], parameter["name"])


def _is_tagged(model: Any) -> bool:
    is_view = isinstance(model, type) and issubclass(model, View)
    return not model.fleeting if is_view else getattr(model, "tagged", False)


OWN = OwnCustomer.__metadata__[0].dependency  # type: ignore[attr-defined] # Annotated has it


def calls_of(dependant: Dependant) -> Iterator[Any]:
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from calls_of(dependency)


def _headers(method: str, command: Command | None, required: Requires, *, tagged: bool) -> list[Document]:
    names = ["Guanxi-Consistency", "Guanxi-Reason"]
    names += ["If-None-Match"] if tagged and method in READS else []
    if command is not None:
        names += ["Idempotency-Key"] if method == "POST" else []
        names += ["If-Match"] if command.conditional else []
    told = [dict(HEADERS[name]) for name in names]
    told[1]["required"] = required.reason
    return told


def _answers(operation: Document, command: Command | None, maker: "Examples", *, finds: bool, tagged: bool) -> None:
    statuses = {**ALWAYS, **(NOT_FOUND if finds else {}), **(COMMAND if command else {})}
    if command is not None and command.conditional:
        statuses |= CONDITIONAL
    if any(parameter["name"] == "If-None-Match" for parameter in operation["parameters"]):
        operation["responses"]["304"] = {"description": NOT_CHANGED[304]}
    operation["responses"].pop("422", None)
    for answer in operation["responses"].values():
        answer["headers"] = {**TOLD, **(TAG if tagged else {}), **(WRITTEN if command else {})}
        for content in answer.get("content", {}).values():
            if "example" not in content:
                content["example"] = maker.of(content.get("schema", {}))
    for status in sorted(statuses):
        operation["responses"][str(status)] = {"$ref": f"#/components/responses/{status}"}


def _problem(status: int, description: str) -> Document:
    body: Document = {
        "type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": description,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }  # fmt: skip
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": body}
    return {"description": description, "content": {"application/problem+json": content}}


PROBLEMS = {
    str(status): _problem(status, told) for status, told in {**ALWAYS, **NOT_FOUND, **COMMAND, **CONDITIONAL}.items()
}


class Examples:
    """An example of any schema: what is named by hand, what the schema allows only, or what its format asks for."""

    FORMATS: Mapping[str, str] = {
        "uuid": "01980b4e-7c1a-7d7e-9a55-3f2b6c1d8e90",
        "date": "2026-03-05",
        "date-time": "2026-03-05T02:30:00Z",
    }
    PLAIN: Mapping[str, Any] = {"integer": 1, "number": 1, "boolean": True, "null": None}

    def __init__(self, schemas: Mapping[str, Document], named: Mapping[str, Any]) -> None:
        self._schemas, self._named = schemas, named

    def of(self, schema: Document, name: str = "") -> Any:
        """Raises KeyError for a text that nobody gave an example of."""
        if reference := schema.get("$ref"):
            return self.of(self._schemas[reference.rpartition("/")[2]], name)
        for choices in ("anyOf", "oneOf", "allOf"):
            if choices in schema:
                return self.of(self._best(schema[choices], name), name)
        for known in ("const", "default"):
            if schema.get(known) is not None:
                return schema[known]
        for several in ("enum", "examples"):
            if several in schema:
                return schema[several][0]
        return self._typed(schema, name)

    def _best(self, choices: list[Document], name: str) -> Document:
        """The first that says something; of number and text, whichever the named value is."""
        told = [choice for choice in choices if choice.get("type") != "null"]
        texts = [choice for choice in told if choice.get("type") == "string"]
        return texts[0] if texts and isinstance(self._named.get(name), str) else told[0]

    def _typed(self, schema: Document, name: str) -> Any:
        kind = schema.get("type")
        if kind == "object" or "properties" in schema:
            if isinstance(self._named.get(name), dict):
                return self._named[name]
            return {key: self.of(each, key) for key, each in schema.get("properties", {}).items()}
        if kind == "array":
            return [self.of(schema["items"], _singular(name))]
        if schema.get("format") in self.FORMATS:
            return self.FORMATS[schema["format"]]
        if kind == "string":
            return self._named[name]
        return schema.get("minimum", self.PLAIN.get(str(kind)))


def _singular(name: str) -> str:
    return re.sub("s$", "", name)
