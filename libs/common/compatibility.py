"""Whether a JSON schema still keeps what an older one promised. What that is depends on who relies on it."""

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

Document = dict[str, Any]

FORMS = ("format", "pattern")
LOWEST, HIGHEST = ("minimum", "minLength", "minItems"), ("maximum", "maxLength", "maxItems")
INNER = ("items", "additionalProperties")


class Use(Enum):
    """Who relies on a schema: callers who send it, callers to whom it is shown, readers of what was recorded once.

    What is recorded is read by old programs and by new ones: nothing of it may go, and nothing of it may come to be
    required that older records lack.
    """

    TAKEN = "taken"
    SHOWN = "shown"
    RECORDED = "recorded"


class Schemas:
    """The schemas of two documents, an older one and a newer one."""

    def __init__(self, old: Document, new: Document) -> None:
        self._old, self._new = old, new
        self._seen: set[tuple[str, str, Use]] = set()

    def broken(self, where: str, old: Document, new: Document, use: Use) -> Iterator[str]:
        """A line for each promise that the new schema keeps no longer."""
        pair = (str(old.get("$ref")), str(new.get("$ref")), use)
        if pair in self._seen and "None" not in pair:
            return
        self._seen.add(pair)
        before, after = _found(self._old, old), _found(self._new, new)
        if _kind(before) != _kind(after):
            yield f"{where} was {_kind(before)}, is {_kind(after)}"
            return
        yield from _values(where, before, after, use)
        yield from self._properties(where, before, after, use)
        for name in INNER:
            yield from self._inner(f"{where}: each" if name == "items" else where, before, after, name, use)
        yield from self._choices(where, before.get("anyOf", ()), after.get("anyOf", ()), use)

    def _inner(self, where: str, old: Document, new: Document, name: str, use: Use) -> Iterator[str]:
        before, after = old.get(name), new.get(name, {})
        if isinstance(before, dict) and isinstance(after, dict):
            yield from self.broken(where, before, after, use)
        elif after is False and before is not False and use is not Use.SHOWN:
            yield f"{where}: fields of any name are taken no longer"

    def _choices(self, where: str, old: Sequence[Document], new: Sequence[Document], use: Use) -> Iterator[str]:
        """Matched by what they refer to or by their kind, in whichever order they stand."""
        before = {_name(self._old, choice): choice for choice in old}
        after = {_name(self._new, choice): choice for choice in new}
        for name, choice in before.items():
            if name in after:
                yield from self.broken(where, choice, after[name], use)
            elif use is not Use.SHOWN:
                yield f"{where}: {name} is taken no longer"
        if old and use is not Use.TAKEN:
            yield from (f"{where}: it may be {name} now" for name in after if name not in before)

    def _properties(self, where: str, old: Document, new: Document, use: Use) -> Iterator[str]:
        after = new.get("properties", {})
        for name, schema in old.get("properties", {}).items():
            if name not in after:
                yield f"{where}: {name} is gone"
            else:
                yield from (f"{where}: {line}" for line in self.broken(name, schema, after[name], use))
        required, before = set(new.get("required", ())), set(old.get("required", ()))
        if use is not Use.SHOWN:
            yield from (f"{where}: {name} is required now" for name in sorted(required - before))
        if use is not Use.TAKEN:
            lost = sorted((before - required) & after.keys())
            yield from (f"{where}: {name} may be missing now" for name in lost)


def _values(where: str, old: Document, new: Document, use: Use) -> Iterator[str]:
    """What is only shown may be told more narrowly; what is taken, or was recorded, may not."""
    if use is Use.SHOWN:
        yield from _form(where, old, new)
        return
    before, after = _chosen(old), _chosen(new)
    if after is not None and before is None:
        yield f"{where}: only {', '.join(map(str, after))} is taken now"
    elif after is not None and (lost := [choice for choice in before or () if choice not in after]):
        yield f"{where}: {', '.join(map(str, lost))} is taken no longer"
    for name in FORMS:
        if new.get(name) != old.get(name) and (use is Use.RECORDED or name in new):
            yield f"{where}: its {name} was {old.get(name)}, is {new.get(name)}"
    for name, tighter in (*((n, 1) for n in LOWEST), *((n, -1) for n in HIGHEST)):
        bound = new.get(name)
        if bound is not None and (name not in old or (bound - old[name]) * tighter > 0):
            yield f"{where}: its {name} is {bound} now"


def _form(where: str, old: Document, new: Document) -> Iterator[str]:
    if "format" in old and new.get("format") != old["format"]:
        yield f"{where}: its format was {old['format']}, is {new.get('format')}"


def _chosen(schema: Document) -> list[Any] | None:
    """The values that there are, where they are counted."""
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _name(document: Document, schema: Document) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2] or _kind(_found(document, schema))


def _found(document: Document, schema: Document) -> Document:
    while reference := schema.get("$ref"):
        schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    return schema


def _kind(schema: Document) -> str:
    return str(schema.get("type") or ("choice" if "anyOf" in schema else "anything"))
