"""Whether an OpenAPI document still keeps what an older one promised: additions alone are allowed."""

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")


def broken(old: Document, new: Document) -> list[str]:
    """A line for each promise that is kept no longer."""
    return [line for path, operations in old["paths"].items() for line in _path(path, operations, old, new)]


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
        self._seen: set[tuple[str, str]] = set()

    def operation(self, old: Document, new: Document) -> Iterator[str]:
        yield from self._parameters(old, new)
        before, after = _body(old), _body(new)
        if before is not None and after is not None:
            yield from self._schema("body", before, after, taken=True)
        for status, answer in old["responses"].items():
            if not status.startswith("2"):
                continue
            if status not in new["responses"]:
                yield f"it answers {status} no longer"
            else:
                shown = _schema_of(answer), _schema_of(new["responses"][status])
                yield from self._schema(status, *shown, taken=False)

    def _parameters(self, old: Document, new: Document) -> Iterator[str]:
        before = {(p["in"], p["name"]): p for p in old.get("parameters", ())}
        after = {(p["in"], p["name"]): p for p in new.get("parameters", ())}
        yield from (f"the parameter {name} is gone" for place, name in before if (place, name) not in after)
        for key, parameter in after.items():
            if parameter.get("required") and not before.get(key, {}).get("required"):
                yield f"the parameter {key[1]} is required now"

    def _schema(self, where: str, old: Document, new: Document, *, taken: bool) -> Iterator[str]:
        """`taken` from callers, or shown to them: what may be added to the one may not be asked in the other."""
        pair = (str(old.get("$ref")), str(new.get("$ref")))
        if pair in self._seen and "None" not in pair:
            return
        self._seen.add(pair)
        before, after = _found(self._old, old), _found(self._new, new)
        if _kind(before) != _kind(after):
            yield f"{where} was {_kind(before)}, is {_kind(after)}"
            return
        chosen: list[Any] = before.get("enum", [])
        if taken and (lost := [choice for choice in chosen if choice not in after.get("enum", chosen)]):
            yield f"{where}: {', '.join(map(str, lost))} is taken no longer"
        yield from self._properties(where, before, after, taken=taken)
        if "items" in before:
            yield from self._schema(where, before["items"], after["items"], taken=taken)
        for choice, other in zip(before.get("anyOf", ()), after.get("anyOf", ()), strict=False):
            yield from self._schema(where, choice, other, taken=taken)

    def _properties(self, where: str, old: Document, new: Document, *, taken: bool) -> Iterator[str]:
        after = new.get("properties", {})
        for name, schema in old.get("properties", {}).items():
            if name not in after:
                yield f"{where}: {name} is gone"
            else:
                yield from (_within(where, line) for line in self._schema(name, schema, after[name], taken=taken))
        if taken:
            yield from (f"{where}: {name} is required now" for name in _newly_required(old, new))


def _newly_required(old: Document, new: Document) -> list[str]:
    return sorted(set(new.get("required", ())) - set(old.get("required", ())))


def _within(where: str, line: str) -> str:
    return f"{where}: {line}"


def _body(operation: Document) -> Document | None:
    return _schema_of(operation["requestBody"]) if "requestBody" in operation else None


def _schema_of(answer: Document) -> Document:
    contents = list(answer.get("content", {}).values())
    return dict(contents[0].get("schema", {})) if contents else {}


def _found(document: Document, schema: Document) -> Document:
    while reference := schema.get("$ref"):
        schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    return schema


def _kind(schema: Document) -> str:
    return str(schema.get("type") or ("choice" if "anyOf" in schema else "anything"))
