"""Whether a JSON schema still keeps what an older one promised. What that is depends on who relies on it."""

from collections.abc import Iterator
from enum import Enum
from typing import Any

Document = dict[str, Any]

SAME = ("format", "const", "pattern", "additionalProperties")
"""Keywords of what is recorded that stay as they are."""


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
        for name in ("items", "additionalProperties"):
            if isinstance(before.get(name), dict) and isinstance(after.get(name), dict):
                yield from self.broken(where, before[name], after[name], use)
        for choice, other in zip(before.get("anyOf", ()), after.get("anyOf", ()), strict=False):
            yield from self.broken(where, choice, other, use)

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
        if use is Use.RECORDED:
            lost = sorted((before - required) & after.keys())
            yield from (f"{where}: {name} may be missing now" for name in lost)


def _values(where: str, old: Document, new: Document, use: Use) -> Iterator[str]:
    chosen: list[Any] = old.get("enum", [])
    lost = [choice for choice in chosen if choice not in new.get("enum", chosen)]
    if lost and use is not Use.SHOWN:
        yield f"{where}: {', '.join(map(str, lost))} is taken no longer"
    if use is Use.RECORDED:
        for name in SAME:
            before, after = old.get(name), new.get(name)
            if before != after and not isinstance(before, dict):
                yield f"{where}: its {name} was {before}, is {after}"


def _found(document: Document, schema: Document) -> Document:
    while reference := schema.get("$ref"):
        schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    return schema


def _kind(schema: Document) -> str:
    return str(schema.get("type") or ("choice" if "anyOf" in schema else "anything"))
