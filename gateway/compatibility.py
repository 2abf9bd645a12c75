"""Whether an OpenAPI document still keeps what an older one promised: additions alone are allowed."""

from collections.abc import Iterator

from libs.common.compatibility import Document, Schemas, Use

METHODS = ("get", "post", "put", "patch", "delete")


def broken(old: Document, new: Document) -> list[str]:
    """A line for each promise that is kept no longer."""
    lines = [line for path, operations in old["paths"].items() for line in _path(path, operations, old, new)]
    return lines + [line for name, told in old.get("webhooks", {}).items() for line in _webhook(name, told, old, new)]


def _webhook(name: str, told: Document, old: Document, new: Document) -> Iterator[str]:
    """What partners are told: the body is shown to them."""
    after = new.get("webhooks", {}).get(name)
    if after is None:
        yield f"the webhook {name} is gone"
    else:
        before, now = _body(told["post"]) or {}, _body(after["post"]) or {}
        yield from (f"webhook {name}: {line}" for line in Schemas(old, new).broken("body", before, now, Use.SHOWN))


def _path(path: str, operations: Document, old: Document, new: Document) -> Iterator[str]:
    for method in METHODS:
        if method in operations:
            name, after = f"{method.upper()} {path}", new["paths"].get(path, {}).get(method)
            if after is None:
                yield f"{name} is gone"
            else:
                told = _Comparison(old, new)
                yield from (f"{name}: {line}" for line in told.operation(operations[method], after))


class _Comparison:
    def __init__(self, old: Document, new: Document) -> None:
        self._old, self._new = old, new
        self._schemas = Schemas(old, new)

    def operation(self, old: Document, new: Document) -> Iterator[str]:
        yield from self._parameters(old, new)
        before, after = _body(old), _body(new)
        if before is None and new.get("requestBody", {}).get("required"):
            yield "a body is required now"
        if before is not None and after is not None:
            yield from self._schemas.broken("body", before, after, Use.TAKEN)
        for status, answer in old["responses"].items():
            if status in new["responses"]:
                shown = _shown(answer, self._old), _shown(new["responses"][status], self._new)
                yield from self._schemas.broken(status, *shown, Use.SHOWN)
            elif status.startswith("2"):  # that something fails no longer breaks nobody
                yield f"it answers {status} no longer"

    def _parameters(self, old: Document, new: Document) -> Iterator[str]:
        before = {_place(p): p for p in old.get("parameters", ())}
        after = {_place(p): p for p in new.get("parameters", ())}
        yield from (f"the parameter {name} is gone" for place, name in before if (place, name) not in after)
        for key, parameter in after.items():
            if parameter.get("required") and not before.get(key, {}).get("required"):
                yield f"the parameter {key[1]} is required now"
            if key in before:
                schemas = before[key].get("schema", {}), parameter.get("schema", {})
                yield from self._schemas.broken(f"parameter {key[1]}", *schemas, Use.TAKEN)


def _place(parameter: Document) -> tuple[str, str]:
    """A header's name is the same in capitals (RFC 9110, 5.1)."""
    place, name = parameter["in"], parameter["name"]
    return place, name.lower() if place == "header" else name


def _body(operation: Document) -> Document | None:
    return _schema_of(operation["requestBody"]) if "requestBody" in operation else None


def _shown(answer: Document, document: Document) -> Document:
    """The schema of an answer of its own, or of one that operations share."""
    name = answer.get("$ref", "").rpartition("/")[2]
    return _schema_of(document["components"]["responses"][name] if name else answer)


def _schema_of(answer: Document) -> Document:
    contents = list(answer.get("content", {}).values())
    return dict(contents[0].get("schema", {})) if contents else {}
